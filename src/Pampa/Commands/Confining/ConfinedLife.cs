namespace Pampa.Commands.Confining;

/// <summary>One life of a worker's process: what limits it from its first moment on.</summary>
/// <param name="worker">The worker.</param>
/// <param name="number">Which life of all that its supervisor has begun; no two have a control group in common.</param>
internal sealed class ConfinedLife(string worker, int number)
{
    private const int Killed = 137;
    private const int Aborted = 134;

    // Takes everything as a word: a limit of data, the groups to join, and after -- the program. What cannot be limited as promised does not run.
    private const string Script = """
        data=$1; shift
        while [ "$1" != -- ]; do echo $$ > "$1" || exit 126; shift; done; shift
        if [ "$data" != - ]; then ulimit -d "$data" || exit 126; fi
        exec "$@"
        """;

    private readonly List<Action> endings = [];
    private readonly List<Func<bool>> deaths = [];
    private readonly List<Action<int>> beginnings = [];
    private bool saidOutOfMemory;

    public string Worker => worker;

    /// <summary>A name that no other life of any process has.</summary>
    public string Name { get; } = FormattableString.Invariant($"{worker}@{Environment.ProcessId}.{number}");

    /// <summary>The files that the process writes its number to, to be in their groups.</summary>
    public List<string> Joins { get; } = [];

    /// <summary>How much data it may have, in kB; null: no limit.</summary>
    public long? DataKilobytes { get; set; }

    /// <summary>Programs with their options that run the program.</summary>
    public List<string> Wrapper { get; } = [];

    /// <summary>What is set in its environment.</summary>
    public Dictionary<string, string> Variables { get; } = new(StringComparer.Ordinal);

    /// <summary>Told the number of its process when that is at work, and so where it has been put.</summary>
    public void AtBegin(Action<int> beginning) => beginnings.Add(beginning);

    /// <summary>Its process is at work.</summary>
    public void Begun(int process)
    {
        foreach (var beginning in beginnings) beginning(process);
    }

    /// <summary>Done when its process is gone.</summary>
    public void AtEnd(Action ending) => endings.Add(ending);

    /// <summary>Asked when its process was killed: whether that was for its memory.</summary>
    public void OverMemoryIf(Func<bool> isSo) => deaths.Add(isSo);

    /// <summary>Whether the runtime may be the one that finds no memory, and ends the process with a line about it.</summary>
    public bool EndsByItself { get; set; }

    /// <summary>How the program is started so.</summary>
    public IReadOnlyList<string> Command(string program, IEnumerable<string> arguments) =>
        Joins.Count == 0 && DataKilobytes is null && Wrapper.Count == 0 ? [program, .. arguments]
        : ["/bin/sh", "-c", Script, "pampa", DataKilobytes?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "-", .. Joins, "--", .. Wrapper, program, .. arguments];

    /// <summary>A line that the process has printed.</summary>
    public void Hear(string line) => saidOutOfMemory |=
        line.Contains("out of memory", StringComparison.OrdinalIgnoreCase) || line.Contains(nameof(OutOfMemoryException), StringComparison.Ordinal);

    /// <summary>Whether a process that ended with this code has met its memory limit.</summary>
    public bool IsOverMemory(int code) => code == Hosting.ExitCode.OverMemory
        || (code == Killed && deaths.Exists(isSo => isSo()))
        || (code is Killed or Aborted or Hosting.ExitCode.InternalError && EndsByItself && saidOutOfMemory);

    /// <summary>Its process is gone.</summary>
    public void End()
    {
        foreach (var ending in endings) ending();
        endings.Clear();
    }
}
