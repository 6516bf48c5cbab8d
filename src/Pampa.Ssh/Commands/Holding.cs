using System.ComponentModel;
using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using Pampa.Ssh.Connecting;

namespace Pampa.Ssh.Commands;

/// <summary>
/// Lets a node begin nothing while it is worked on, and one verb alone work on it. A pause that somebody else has made stays when that is over;
/// one of a verb that may be at work still keeps others away.
/// </summary>
/// <param name="cluster">The node's cluster.</param>
/// <param name="node">The node.</param>
/// <param name="longest">
/// As long as all that is done with it may take at most: then the pause ends by itself, should this program not live to end it.
/// </param>
internal sealed class Holding(PampaCluster cluster, SshNode node, TimeSpan longest)
{
    /// <summary>How the reason begins; who has made the pause follows, which earlier versions have not said.</summary>
    public const string Reason = "nodes: it is being stopped or upgraded";

    // Less is over before anything is drained.
    private static readonly TimeSpan WorthKeeping = TimeSpan.FromSeconds(10);

    // For another verb to see that it came second.
    private static readonly TimeSpan GivesWay = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);
    private static readonly string Here = $"{Reason} by {Environment.UserName}@{Environment.MachineName}, process ";

    // Containers may have the name of a computer in common, and numbers of processes; each has a space of numbers of its own. Computers that
    // were made from one image may, too, whose spaces are called alike.
    internal static readonly string Space = new FileInfo("/proc/self/ns/pid").LinkTarget is { } space ? $" of {space}{Machine()}" : "";
    private static readonly string Own = FormattableString.Invariant($"{Here}{Environment.ProcessId}{Space}");

    // Another's reason stands behind ours while ours counts.
    private const string Before = "; it was paused before: ";
    private const int MostCharacters = 500;
    private readonly PampaTarget target = PampaTarget.Node(node.Name);
    private string? ours;
    private HeldInfo? others;
    private DateTimeOffset? othersEnd;
    private (string Reason, DateTimeOffset? Until)? taken;

    private static string Machine()
    {
        const string file = "/etc/machine-id";
        try
        {
            return File.ReadAllText(file).Trim() is { Length: >= 8 } id ? $" on {id[..8]}" : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A container has none, as a rule.
            return "";
        }
    }

    /// <summary>What is to be said of a pause that stays, behind what else there is; empty: none does.</summary>
    public string Stays => others is null ? "" : $"; it stays paused ({(others.Reason.Length > 0 ? others.Reason : "no reason was given")})";

    /// <summary>
    /// Does something with the node, and lets it go on then, whatever has come in between; also where a former verb has left it paused. Where
    /// another one is at it, nothing is done.
    /// </summary>
    /// <exception cref="NodeException">Another one is at it; or what went wrong, and that it could not be let go on.</exception>
    public async Task AroundAsync(Func<Task> doAsync, CancellationToken stopping)
    {
        try
        {
            await LookAsync(stopping);
            await doAsync();
        }
        catch (Exception e) when (NodesVerb.IsOfNode(e) || e is OperationCanceledException)
        {
            // What it says of how the node is left is not to be lost for the database's sake.
            if (await TryEndAsync() is not { } left) throw;
            throw new NodeException(e is OperationCanceledException ? left : $"{NodesVerb.Why(node, e).TrimEnd('.')}. {left}");
        }
        catch
        {
            await TryEndAsync();
            throw;
        }
        if (await TryEndAsync() is { } paused) throw new NodeException(paused);
    }

    /// <summary>Pauses the node, so that no other verb begins anything with it; also one on which nothing runs, where nothing is to be drained.</summary>
    /// <exception cref="NodeException">Another verb is at it.</exception>
    public async Task TakeAsync(CancellationToken stopping)
    {
        if (taken is not null) return;
        var before = (await cluster.AuditAsync(null, stopping)).Entries.Select(entry => entry.Id).ToHashSet(StringComparer.Ordinal);
        await LookAsync(stopping);
        // The time is the database's, for this computer's clock may be wrong.
        var until = await cluster.NowAsync(stopping) + longest;
        ours = others is null ? Own : $"{Own}{Before}{others.Reason}";
        if (ours.Length > MostCharacters) ours = ours[..MostCharacters];
        // One that would end in the middle lasts as long as this does, and one without end goes on also where this program is killed.
        taken = (ours, others is null || othersEnd < until ? until : othersEnd);
        await cluster.PauseAsync(target, ours, taken.Value.Until, stopping);
        await GiveWayAsync(before, stopping);
    }

    /// <summary>Pauses the node and waits until nothing of it runs. Returns how many tasks still do when the time is over.</summary>
    /// <exception cref="NodeException">Another verb is at it.</exception>
    public async Task<long> DrainAsync(TimeSpan patience, CancellationToken stopping)
    {
        await TakeAsync(stopping);
        // Whose pause has come since then would be lost by ours.
        if (await ReadAsync(stopping) is { } held && held.Reason != ours)
        {
            others = held;
            othersEnd = held.EndsIn is { } left ? await cluster.NowAsync(stopping) + left : null;
        }
        return await cluster.DrainAsync(target, patience, taken!.Value.Reason, taken.Value.Until, stopping);
    }

    /// <summary>
    /// Two that have looked at the same moment have both found nobody, and paused the node one after the other. What each has done stands in
    /// the audit since that very moment: whoever came second finds the pause his own and the other's entry, puts that one's pause back and goes.
    /// </summary>
    private async Task GiveWayAsync(HashSet<string> before, CancellationToken stopping)
    {
        var entries = (await cluster.AuditAsync(null, stopping)).Entries.Where(entry => !before.Contains(entry.Id)
            && entry.Target == target.ToString() && entry.Detail.StartsWith(Reason, StringComparison.Ordinal)).ToList();
        var other = entries.Find(entry => WhoOf(ReasonOf(entry)) != Own);
        if (other is null) return;
        var began = TimeProvider.System.GetTimestamp();
        // Where ours stands there twice, the other one has put it back already.
        var isPutBack = entries.Count(entry => WhoOf(ReasonOf(entry)) == Own) > 1;
        if (!isPutBack && await ReadAsync(stopping) is { } held && held.Reason == ours)
        {
            ours = null;
            await cluster.PauseAsync(target, ReasonOf(other), taken!.Value.Until, CancellationToken.None);
            throw IsAt(ReasonOf(other));
        }
        while ((await ReadAsync(stopping))?.Reason != ours)
        {
            if (TimeProvider.System.GetElapsedTime(began) >= GivesWay)
            {
                ours = null;
                throw IsAt(ReasonOf(other));
            }
            await Task.Delay(LookEvery, TimeProvider.System, stopping);
        }
    }

    // What else is noted stands behind it.
    private static string ReasonOf(AuditEntry entry) =>
        entry.Detail.LastIndexOf("; until ", StringComparison.Ordinal) is var end and > 0 ? entry.Detail[..end] : entry.Detail;

    private static string WhoOf(string reason) => reason.Split(Before)[0];

    /// <summary>Finds out whose pause there is, if there is one.</summary>
    /// <exception cref="NodeException">It is that of a verb that may be at it.</exception>
    private async Task LookAsync(CancellationToken stopping)
    {
        var held = await ReadAsync(stopping);
        if (held?.EndsIn < WorthKeeping) held = null;
        var isLeft = held is not null && IsLeft(held);
        if (held is not null && !isLeft && held.Reason.StartsWith(Reason, StringComparison.Ordinal)) throw IsAt(held.Reason);
        ours = isLeft ? held!.Reason : null;
        // What a verb that is gone has covered counts again.
        others = !isLeft ? held : held!.Reason.Split(Before, 2) is [_, var covered] ? held with { Reason = covered } : null;
        othersEnd = others?.EndsIn is { } left ? await cluster.NowAsync(stopping) + left : null;
    }

    private async Task<HeldInfo?> ReadAsync(CancellationToken stopping) =>
        (await cluster.InfoAsync(stopping)).Held.FirstOrDefault(held => held.Target == target);

    private NodeException IsAt(string who) =>
        new($"Node '{node.Name}': somebody is at it already ({who}): wait until that is over, or say 'resume node {node.Name}' if it is known to be gone.");

    /// <summary>
    /// Whether a verb has made it that is no more. Of another computer's or container's that cannot be told, so it is left alone for the time that
    /// it has.
    /// </summary>
    private static bool IsLeft(HeldInfo held)
    {
        if (held.Reason == Reason) return true;
        if (!held.Reason.StartsWith(Here, StringComparison.Ordinal)) return false;
        // Earlier versions have not said which space.
        var rest = WhoOf(held.Reason)[Here.Length..];
        var number = Space.Length > 0 && rest.EndsWith(Space, StringComparison.Ordinal) ? rest[..^Space.Length] : rest;
        if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var id)) return false;
        if (id == Environment.ProcessId) return true;
        try
        {
            using var process = Process.GetProcessById(id);
            // Numbers are used again: one that is younger than the pause has not made it.
            return TimeProvider.System.GetLocalNow() - process.StartTime < held.HeldFor;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            // There is none, or not any more.
            return true;
        }
    }

    /// <summary>Lets it go on. Returns what is to be said where that is not possible.</summary>
    private async Task<string?> TryEndAsync()
    {
        if (ours is null) return null;
        try
        {
            if (await ReadAsync(CancellationToken.None) is not { } held) return null;
            if (held.Reason != ours)
            {
                // Somebody has made his own of it meanwhile, and wants it to last.
                others = held;
            }
            else if (others is not null && (othersEnd is null || othersEnd > await cluster.NowAsync(CancellationToken.None)))
            {
                await cluster.PauseAsync(target, others.Reason, othersEnd, CancellationToken.None);
            }
            else
            {
                await cluster.ResumeAsync(target, CancellationToken.None);
                others = null;
            }
            return null;
        }
        catch (Exception e) when (e is DbException or TimeoutException)
        {
            return $"Node '{node.Name}' may still be paused, for the database does not answer: {e.Message.TrimEnd('.')}. Then it takes tasks again after 'resume node {node.Name}', or the next 'nodes up' from this computer.";
        }
    }
}
