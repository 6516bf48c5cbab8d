using System.Diagnostics;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Work;
using Pampa.Servers;

namespace Pampa.Chaos.Cluster;

/// <summary>The processes under fire: starts them, starts those again that end, and remembers how each ended.</summary>
internal sealed class ProcessCluster(Store store, string folder, TextWriter says) : IAsyncDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(700);
    private readonly CancellationTokenSource stop = new();
    private readonly Lock gate = new();
    private readonly List<Member> members = [];
    private Task watching = Task.CompletedTask;
    private long growth, mostMemory;

    public string Ledgers { get; } = Directory.CreateDirectory(Path.Combine(folder, "ledgers")).FullName;

    public string Logs { get; } = Directory.CreateDirectory(Path.Combine(folder, "logs")).FullName;

    public IReadOnlyList<Member> Members
    {
        get
        {
            lock (gate) return [.. members];
        }
    }

    /// <summary>All processes there have been.</summary>
    public IReadOnlyList<Life> Lives => [.. Members.SelectMany(m => m.Lives.ToArray())];

    /// <summary>How much the memory of a process has grown at most after its first minute, and the most that any had, in bytes.</summary>
    public (long Growth, long Most) Memory => (growth, mostMemory);

    /// <summary>How much all processes have said, in bytes.</summary>
    public (long Bytes, int Files) LogSize => Directory.GetFiles(Logs) is var files ? (files.Sum(f => new FileInfo(f).Length), files.Length) : default;

    public Member Add(Member member)
    {
        lock (gate) members.Add(member);
        Start(member);
        return member;
    }

    public void Watch() => watching = WatchAsync();

    /// <summary>Starts a member's next life.</summary>
    public Life Start(Member member)
    {
        var application = $"{member.Name}~{member.Lives.Count + 1}";
        var process = Begin(member.Arguments, application, member.Name, member.Environment, member.Under);
        var life = new Life(member.Name, application, process, LogOf(application), Now());
        lock (gate) member.Lives.Add(life);
        return life;
    }

    public string LogOf(string application) => Path.Combine(Logs, $"{application}.log");

    /// <summary>Runs a verb to its end and returns the exit code and what it said.</summary>
    public async Task<(int Code, string Said)> RunAsync(string application, IReadOnlyList<string> arguments, TimeSpan patience, string? url = null)
    {
        var environment = url is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["PAMPA_DATABASE_URL"] = url };
        using var process = Begin(arguments, application, null, environment, []);
        using var time = new CancellationTokenSource(patience);
        try
        {
            await process.WaitForExitAsync(time.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
        return (process.ExitCode, await File.ReadAllTextAsync(LogOf(application), CancellationToken.None));
    }

    /// <summary>Starts a process of the program.</summary>
    public Process Begin(
        IReadOnlyList<string> arguments, string application, string? node, IReadOnlyDictionary<string, string> environment, IReadOnlyList<string> under)
    {
        var self = Environment.ProcessPath!;
        var isTool = Path.GetFileNameWithoutExtension(self) == "dotnet";
        string[] command = [.. under, self, .. isTool ? [typeof(Program).Assembly.Location] : Array.Empty<string>(), .. arguments];
        var start = Tool.Order(folder, LogOf(application), command[0], command[1..]);
        start.Environment[WorkerProgram.ProfileVariable] = store.Shape.Profile.ToString();
        start.Environment[WorkerProgram.LedgerVariable] = Ledgers;
        start.Environment["PAMPA_DATABASE_URL"] = store.Url(application);
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_gcServer"] = "0";
        if (Shape.IsTransactional(application.Split('~')[0])) start.Environment[WorkerProgram.TransactionVariable] = "1";
        if (node is not null) start.Environment[WorkerProgram.NodeVariable] = node;
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>As <c>kill -9</c>; of a node whose workers are processes it takes these too, or they would stop by themselves.</summary>
    public static void Kill(Life life)
    {
        life.WasKilled = true;
        foreach (var child in Shell.Children(life.Id)) Shell.Signal(child, Shell.Kill);
        Shell.Signal(life.Id, Shell.Kill);
    }

    public static void Freeze(Life life)
    {
        life.Frozen.Add((Now(), null));
        foreach (var process in (int[])[life.Id, .. Shell.Children(life.Id)]) Shell.Signal(process, Shell.Stop);
    }

    public static void Thaw(Life life)
    {
        foreach (var process in (int[])[life.Id, .. Shell.Children(life.Id)]) Shell.Signal(process, Shell.Continue);
        if (life.Frozen.Count > 0) life.Frozen[^1] = (life.Frozen[^1].From, Now());
    }

    /// <summary>Tells a process to stop in good order and waits for it. Null: it did not.</summary>
    public static async Task<int?> StopAsync(Life life, TimeSpan patience)
    {
        life.WasStopped = true;
        Shell.Signal(life.Id, Shell.Terminate);
        using var time = new CancellationTokenSource(patience);
        try
        {
            await life.Process.WaitForExitAsync(time.Token);
            return life.Process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private async Task WatchAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            foreach (var member in Members)
            {
                Note(member);
                if (member.IsHeld || member.Current is not null || Now() - member.Lives[^1].EndedAt < Rest) continue;
                Start(member);
            }
            await Task.Delay(Look, TimeProvider.System, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Note(Member member)
    {
        if (member.Current is not { } life) return;
        if (!life.Process.HasExited)
        {
            // A process is warm after a minute; from then on it should not grow.
            if (Now() - life.StartedAt < TimeSpan.FromMinutes(1)) return;
            var memory = Shell.Memory(life.Id);
            if (life.WarmMemory == 0) life.WarmMemory = memory;
            growth = Math.Max(growth, memory - life.WarmMemory);
            mostMemory = Math.Max(mostMemory, memory);
            return;
        }
        life.ExitCode = life.Process.ExitCode;
        // Not when it was looked at: on a busy computer that may be much later.
        life.EndedAt = life.Process.ExitTime.ToUniversalTime();
        if (!life.WasKilled && !life.WasStopped && life.ExitCode != 137) says.WriteLine($"    {life.Application} ended by itself with {life.ExitCode}");
    }

    private static DateTime Now() => TimeProvider.System.GetUtcNow().UtcDateTime;

    /// <summary>Stops all in good order; what does not stop is killed, and told.</summary>
    public async Task<IReadOnlyList<Life>> EndAsync(TimeSpan patience)
    {
        foreach (var member in Members) member.IsHeld = true;
        var living = Members.Select(m => m.Current).OfType<Life>().ToList();
        await Task.WhenAll(living.Select(l => StopAsync(l, patience)));
        var late = living.FindAll(l => !l.Process.HasExited);
        foreach (var life in late) Kill(life);
        foreach (var life in living) await life.Process.WaitForExitAsync();
        foreach (var member in Members) Note(member);
        return late;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await watching;
        foreach (var life in Lives.Where(l => !l.Process.HasExited))
        {
            Thaw(life);
            Kill(life);
            await life.Process.WaitForExitAsync();
        }
        stop.Dispose();
    }
}
