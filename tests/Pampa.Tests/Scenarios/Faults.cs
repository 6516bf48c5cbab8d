using System.Data.Common;

namespace Pampa.Tests.Scenarios;

/// <summary>
/// What goes wrong between a process and its database: statements that never arrive, answers that are lost after the statement has taken
/// effect, and a server that lets nobody in.
/// </summary>
internal sealed class Faults(Func<string, Exception> error)
{
    private readonly Lock gate = new();
    private readonly List<Fault> planned = [];
    private Exception? outage;
    private (string Part, Task Until)? delayed;

    private sealed class Fault(Func<string, bool> matches, bool after, int times, Action? happening = null, Exception? error = null)
    {
        public bool After => after;

        public Action? Happening => happening;

        public Exception? Error => error;

        /// <summary>What happens, of which the text is told.</summary>
        public Action<string>? Told { get; init; }

        public int Left { get; set; } = times;

        public bool Matches(string text) => matches(text);
    }

    /// <summary>Nobody gets in, and whoever is in hears nothing more.</summary>
    public bool IsDown { get; set; }

    /// <summary>Watches all that passes; for those who do not plan faults but draw them.</summary>
    public Wire? Wire { get; init; }

    /// <summary>How often something went wrong.</summary>
    public int Hits { get; private set; }

    /// <summary>Statements that hold the text fail and have no effect; the first few may be spared.</summary>
    public void FailBefore(string part, int times = 1, int spared = 0, Exception? error = null, Action? happening = null) =>
        Plan(new Fault(text => text.Contains(part, StringComparison.Ordinal) && spared-- <= 0, false, times, happening, error));

    /// <summary>Statements that hold the text take effect, and the answer is lost.</summary>
    public void LoseAnswer(string part, int times = 1, int spared = 0) =>
        Plan(new Fault(text => text.Contains(part, StringComparison.Ordinal) && spared-- <= 0, true, times));

    /// <summary>Something happens just when a statement has taken effect and its answer is on its way.</summary>
    public void Meanwhile(string part, Action happening) =>
        Plan(new Fault(text => text.Contains(part, StringComparison.Ordinal), true, 1, happening));

    /// <summary>Something happens before each statement that holds the text, and the statement takes its way.</summary>
    public void Note(string part, Action happening) =>
        Plan(new Fault(text => text.Contains(part, StringComparison.Ordinal), false, int.MaxValue, happening));

    /// <summary>
    /// Something happens each time, which is told the statement, just before it is sent or when it has taken effect; it meets what that throws.
    /// </summary>
    public void Each(Func<string, bool> matches, Action<string> happening, bool after = false) =>
        Plan(new Fault(matches, after, int.MaxValue) { Told = happening });

    /// <summary>Statements that hold the text are not sent before the task is over.</summary>
    public void Delay(string part, Task until) => delayed = (part, until);

    /// <summary>What a statement waits for, where it does.</summary>
    internal Task Delayed(string text) => delayed is { } some && text.Contains(some.Part, StringComparison.Ordinal) ? some.Until : Task.CompletedTask;

    /// <summary>Nothing that is planned goes wrong any more.</summary>
    public void Clear()
    {
        lock (gate) planned.Clear();
    }

    private void Plan(Fault fault)
    {
        lock (gate) planned.Add(fault);
    }

    internal void Before(string text, DbParameterCollection? parameters = null)
    {
        if (parameters is not null) Wire?.Sending(text, parameters);
        if (IsDown || Strikes(text, after: false)) throw Error("is down");
    }

    internal void After(string text)
    {
        if (Strikes(text, after: true)) throw Error("has lost the answer");
    }

    private bool Strikes(string text, bool after)
    {
        Fault? fault;
        lock (gate)
        {
            fault = planned.Find(f => f.After == after && f.Left > 0 && f.Matches(text));
            if (fault is null) return false;
            fault.Left--;
        }
        fault.Happening?.Invoke();
        fault.Told?.Invoke(text);
        if (fault.Error is { } error)
        {
            Hits++;
            throw error;
        }
        return fault.Happening is null && fault.Told is null;
    }

    /// <summary>Whether an error is one that takes the connection with it.</summary>
    public bool IsOutage(Exception struck) => ReferenceEquals(struck, outage);

    private Exception Error(string what)
    {
        Hits++;
        return outage = error($"the test's database {what}");
    }
}
