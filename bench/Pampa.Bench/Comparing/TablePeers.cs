using System.Diagnostics;
using Npgsql;

namespace Pampa.Bench.Comparing;

/// <summary>One who works on the records of the table itself. The product makes the table for all of them: columns, index, room for changes.</summary>
internal abstract record TablePeer(string Name) : Peer(Name)
{
    protected ChildOrder Order(string what, PeerPlace place, Workload job) =>
        new(ChildOrder.OwnProgram, what, job, place.Address) { Wakes = Wakes(job) };

    protected virtual bool Wakes(Workload job) => false;

    public override async Task PrepareAsync(PeerPlace place, Workload job, int size, CancellationToken stopping)
    {
        await Child.RunAsync(Order(ChildOrder.Prepare, place, job), stopping);
        if (size > 0) await place.Database.LoadAsync(size);
    }

    public override Task<long> CountDoneAsync(PeerPlace place, Workload job, int size) => place.Database.CountRightAsync(job);

    protected static ProcessStartInfo WithLog(ProcessStartInfo start, string log)
    {
        start.Environment[Progress.Variable] = log;
        return start;
    }
}

/// <summary>The product, by its own command line.</summary>
internal sealed record PampaPeer() : TablePeer(ProductName)
{
    public const string ProductName = "Pampa";

    public override string Version => $"Pampa at {Machine.Commit()}";

    public override string Settings(Workload job) =>
        $"run --workers {Workers(job)}, all else as it comes{(Wakes(job) ? ", WakeOnInsert" : "")}";

    protected override int UsualWorkers(Workload job) => Math.Max(4, 2 * Environment.ProcessorCount);

    protected override int MostPerSecond(Workload job) => 215_000;

    // What costs nothing while a backlog is worked off is set where it tells.
    protected override bool Wakes(Workload job) => job == Workload.Stamps;

    public override ProcessStartInfo Work(PeerPlace place, Workload job, int workers, int size, string log) => WithLog(Child.StartInfo(
        Order(ChildOrder.Product, place, job) with { Arguments = ["run", "--workers", $"{workers}"] }), log);
}

/// <summary>The loop without a library.</summary>
/// <param name="Name">For the reader.</param>
/// <param name="Loops">How many loops.</param>
/// <param name="Rows">How many records each claims at once.</param>
internal sealed record LoopPeer(string Name, int Loops, int Rows) : TablePeer(Name)
{
    public override string Version => $"Npgsql {typeof(NpgsqlConnection).Assembly.GetName().Version?.ToString(3)}";

    public override string Settings(Workload job)
    {
        var loops = Workers(job);
        var looks = PlainLoop.PauseOf(loops).TotalMilliseconds;
        return FormattableString.Invariant(
            $"{loops} loops, {PlainLoop.Connections} connections, batches of {PlainLoop.RowsOf(job, Rows)}, looks every {looks} ms");
    }

    protected override int UsualWorkers(Workload job) => Loops;

    protected override int MostPerSecond(Workload job) => 185_000;

    public override ProcessStartInfo Work(PeerPlace place, Workload job, int workers, int size, string log) =>
        WithLog(Child.StartInfo(Order(FormattableString.Invariant($"{PlainLoop.Name}{Rows}"), place, job) with { Size = workers }), log);
}

/// <summary>The limit of the database for the same updates.</summary>
internal sealed record RawPeer() : TablePeer("raw limit")
{
    // With two, both wait for the disk a fifth of the time.
    private const int Connections = 4;

    public override string Version => $"Npgsql {typeof(NpgsqlConnection).Assembly.GetName().Version?.ToString(3)}";

    public override string Settings(Workload job) => FormattableString.Invariant(
        $"{Connections} connections, two updates by known keys, {RawLimit.BatchRows} a statement, nothing selected or returned");

    // It runs no handler.
    public override bool Does(Workload job) => job.Pause == TimeSpan.Zero;

    public override bool CanIdle => false;

    public override bool CanBeTimed => false;

    protected override int UsualWorkers(Workload job) => Connections;

    protected override int MostPerSecond(Workload job) => 290_000;

    public override ProcessStartInfo Work(PeerPlace place, Workload job, int workers, int size, string log) =>
        WithLog(Child.StartInfo(Order(FormattableString.Invariant($"raw{workers}"), place, job) with { Size = size }), log);
}
