namespace Pampa.Ssh.Commands;

/// <summary>How far it is with a node.</summary>
internal sealed class NodeRow(string name, string address, Action<NodeRow> changed)
{
    public string Name => name;

    public string Address => address;

    /// <summary>What is done with it.</summary>
    public string Step { get; private set; } = "";

    /// <summary>How much of that is done, from 0 to 1; null: it cannot be told.</summary>
    public double? Share { get; private set; }

    public bool IsDone { get; private set; }

    /// <summary>What went wrong; null: nothing.</summary>
    public string? Failure { get; private set; }

    public void Say(string step)
    {
        (Step, Share) = (step, null);
        changed(this);
    }

    /// <summary>Nothing but the number changes, which is no news where lines are kept.</summary>
    public void Advance(double share) => Share = share;

    public void Done(string step)
    {
        IsDone = true;
        Say(step);
    }

    public void Fail(string why)
    {
        Failure = why;
        Say("failed");
    }
}
