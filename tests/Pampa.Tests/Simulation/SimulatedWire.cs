using System.Data.Common;
using Microsoft.Data.Sqlite;
using Pampa.Tests.Scenarios;

namespace Pampa.Tests.Simulation;

/// <summary>What lies between a process and the database: here it dies, here answers are lost and held up, and here the ledger looks on.</summary>
internal sealed class SimulatedWire(SimulatedProcess process, World world, bool mayPause) : Wire
{
    private const int Unreachable = 10;
    private const int Busy = 5;
    private readonly List<Sent> sent = [];
    private bool wrote;
    private long sentAt;

    public SimulatedProcess Process => process;

    public static SqliteException Gone(string text) => new SqliteException(text, Unreachable);

    public override async Task OpeningAsync()
    {
        // Whether it will read or write is not known yet.
        await PauseAsync("before it asks", Hold.Writing);
        MayDie("before it asks");
        sent.Clear();
        wrote = false;
    }

    public override void Sending(string text, DbParameterCollection parameters)
    {
        MayDie("before a statement");
        world.Db.Clock.TickAsync();
        sentAt = process.Time.GetTimestamp();
        var statement = world.Reader.Read(text, parameters) with { Now = world.Db.Now };
        // Whoever picks has the writer's turn already.
        wrote |= statement.IsWrite || statement.Kind == "PICK";
        try
        {
            world.Guard(() => Orders.Check(process, statement));
            if (world.IsLocked(statement)) throw new SqliteException("locked by the simulation", Busy);
            if (world.Draw(world.Chances.Fail)) throw Fail($"fails before {statement}");
        }
        catch (SqliteException e) when (e.SqliteErrorCode == Unreachable)
        {
            Orders.Unanswered(process, statement);
            throw;
        }
        sent.Add(statement);
    }

    public override void Committing()
    {
        MayDie("before the commit");
        if (!world.Draw(world.Chances.Fail)) return;
        foreach (var statement in sent) Orders.Unanswered(process, statement);
        throw Fail("fails before the commit");
    }

    public override void Done()
    {
        List<Sent> done = [.. sent];
        sent.Clear();
        foreach (var statement in done.Where(s => s.IsWrite)) world.Trace.Add($"{process} {statement}");
        world.Guard(() =>
        {
            foreach (var statement in done.Where(s => s is { IsWrite: true, Job: not null })) world.Ledger.Observe(process, statement);
        });
        if (done.Exists(s => s is { IsWrite: true, Kind: "RESERVE" or "RESERVE AND START" })) world.Reserved();
        var isLost = world.Draw(world.Chances.Lose);
        foreach (var statement in done)
        {
            if (isLost) Orders.Unanswered(process, statement);
            else Orders.Answered(process, statement, world, sentAt);
        }
        MayDie("after it took effect");
        if (isLost) throw Fail("loses the answer");
    }

    public override Task ClosingAsync() => PauseAsync("with the answer under way", wrote ? Hold.Writing : Hold.Reading);

    private async Task PauseAsync(string when, Hold what)
    {
        if (!mayPause || world.IsPassing || !world.Draw(world.Chances.Pause)) return;
        world.Trace.Add($"{process} is held up {when}");
        await world.HoldAsync(process, what);
    }

    private void MayDie(string when)
    {
        if (Environment.CurrentManagedThreadId != world.Thread) world.Guard(() => throw new BrokenRuleException($"{process} works on another thread {when}"));
        if (process.IsGone) throw Gone("it is dead");
        if (!world.Draw(world.Chances.Crash)) return;
        world.Kill(process, when);
        throw Gone("it died");
    }

    private SqliteException Fail(string how)
    {
        world.Trace.Add($"{process}'s database {how}");
        return Gone(how);
    }
}
