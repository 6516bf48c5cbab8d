using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics;
using System.Globalization;

namespace Pampa.Chaos.Work;

/// <summary>What the tasks do. Each execution is in the ledger, with its begin and its end.</summary>
internal sealed class Handlers(Shape shape, Ledger ledger)
{
    private readonly ConcurrentDictionary<(long Id, long Life, int Attempt), byte> begun = [];

    public Task RunAsync(PampaTask task) => RunAsync(task, LedgerLine.End, (_, _) => Task.CompletedTask);

    /// <summary>The same with an effect in the transaction of the completion, of which it must be a part or not be at all.</summary>
    public Task RunInTransactionAsync(PampaTask task, DbConnection connection, DbTransaction transaction) => RunAsync(task, LedgerLine.Body, async (id, life) =>
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = Insert(shape.Journal, task, id, life);
        await command.ExecuteNonQueryAsync(task.CancellationToken);
    });

    private async Task RunAsync(PampaTask task, string last, Func<long, long, Task> writeAsync)
    {
        var (id, life) = Begin(task);
        try
        {
            // SQLite has one lock, which a transaction keeps from its first write on: there it writes last.
            if (shape.Profile != Profile.Sqlite) await writeAsync(id, life);
            Set(task, life);
            await DoAsync(task, id, life);
            if (shape.Profile == Profile.Sqlite) await writeAsync(id, life);
        }
        catch (Exception)
        {
            ledger.Write(LedgerLine.Thrown, id, life, task);
            throw;
        }
        ledger.Write(last, id, life, task);
    }

    private (long Id, long Life) Begin(PampaTask task)
    {
        var (id, life) = (task.Get<long>("id"), task.Get<long>("life"));
        ledger.Write(begun.TryAdd((id, life, task.Attempt), 0) ? LedgerLine.Start : LedgerLine.Again, id, life, task);
        return (id, life);
    }

    // Two effects that are folded into the completion: which attempt it was, and how many there have been.
    private static void Set(PampaTask task, long life)
    {
        task["result"] = string.Create(CultureInfo.InvariantCulture, $"{life}/{task.Attempt}");
        task["total"] = task.Get<long>("total") + 1;
    }

    /// <summary>Many at once. Of some it says itself what came of them, of others nothing; one that fails once makes the whole call fail.</summary>
    public async Task RunBatchAsync(IReadOnlyList<BatchTask> tasks, CancellationToken stopping)
    {
        var lives = tasks.Select(Begin).ToList();
        for (var i = 0; i < tasks.Count; i++)
        {
            var (id, life) = lives[i];
            try
            {
                await DoInBatchAsync(tasks[i], id, life, stopping);
            }
            catch (Exception)
            {
                // The time of all is over, or this one alone is at fault.
                for (var j = 0; j < tasks.Count; j++)
                {
                    if (j != i && (!stopping.IsCancellationRequested || tasks[j].HasOutcome)) continue;
                    ledger.Write(LedgerLine.Thrown, lives[j].Id, lives[j].Life, tasks[j]);
                }
                throw;
            }
        }
    }

    private async Task DoInBatchAsync(BatchTask task, long id, long life, CancellationToken stopping)
    {
        Set(task, life);
        switch (Enum.Parse<Kind>(task.Get<string>("kind")))
        {
            case Kind.Slow:
                await Task.Delay(TimeSpan.FromSeconds(0.3), TimeProvider.System, stopping);
                break;
            case Kind.FailsOnce when task.Attempt == 1:
                throw new InvalidOperationException("fails once");
            case Kind.FailsAlways or Kind.Permanent:
                ledger.Write(LedgerLine.Thrown, id, life, task);
                task.Fail("cannot be mended", permanently: task.Get<string>("kind") == nameof(Kind.Permanent));
                return;
            case Kind.Refused when task.Attempt == 1:
                task["result"] = "bad";
                break;
            case Kind.Snooze when !task.Get<bool>("is_snoozed"):
                task["is_snoozed"] = true;
                ledger.Write(LedgerLine.Thrown, id, life, task);
                task.Snooze(TimeSpan.FromSeconds(1));
                return;
        }
        // Of whom nothing is said when the call fails is run again within the attempt: it has not come to its end yet.
        ledger.Write(id % 2 == 0 ? LedgerLine.End : LedgerLine.Body, id, life, task);
        if (id % 2 == 0) task.Complete();
    }

    private async Task DoAsync(PampaTask task, long id, long life)
    {
        switch (Enum.Parse<Kind>(task.Get<string>("kind")))
        {
            case Kind.Quick or Kind.Scheduled or Kind.Recurring:
                await Task.Delay(TimeSpan.FromMilliseconds(id % 6), TimeProvider.System, task.CancellationToken);
                break;
            case Kind.Slow:
                await Task.Delay(TimeSpan.FromMilliseconds(500 + id % 5 * 700), TimeProvider.System, task.CancellationToken);
                break;
            case Kind.FailsOnce:
                if (task.Attempt == 1) throw new InvalidOperationException("fails once");
                break;
            case Kind.FailsAlways:
                throw new InvalidOperationException("fails always");
            case Kind.Permanent:
                throw new PermanentFailureException("cannot be mended");
            case Kind.Poison:
                Process.GetCurrentProcess().Kill();
                break;
            case Kind.Stubborn:
                Block(Limits.MaxDuration + TimeSpan.FromSeconds(3));
                break;
            case Kind.Refused:
                if (task.Attempt == 1) task["result"] = "bad";
                break;
            case Kind.Effect:
                await EffectAsync(task, id, life);
                break;
            case Kind.Snooze:
                if (task.Get<bool>("is_snoozed"))
                {
                    await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, task.CancellationToken);
                    break;
                }
                task["is_snoozed"] = true;
                throw new SnoozeException(TimeSpan.FromSeconds(1));
            case Kind.Hog:
                for (var i = 0; i < 8; i++) ThreadPool.QueueUserWorkItem(_ => Block(TimeSpan.FromSeconds(3)));
                Block(TimeSpan.FromSeconds(3));
                break;
        }
    }

    private static void Block(TimeSpan time)
    {
        using var never = new ManualResetEventSlim();
        never.Wait(time);
    }

    // In a transaction of its own: it may well be done and the attempt lost, which is what at-least-once means.
    private async Task EffectAsync(PampaTask task, long id, long life)
    {
        await using var connection = await task.Database.OpenConnectionAsync(task.CancellationToken);
        await using var command = connection.CreateCommand();
        var table = shape.Profile == Profile.Portable ? "\"My Schema\".effects" : "effects";
        command.CommandText = Insert(table, task, id, life);
        await command.ExecuteNonQueryAsync(task.CancellationToken);
    }

    private static string Insert(string table, PampaTask task, long id, long life) => string.Create(CultureInfo.InvariantCulture,
        $"INSERT INTO {table} (id, life, attempt, worker) VALUES ({id}, {life}, {task.Attempt}, '{task.Worker}')");
}
