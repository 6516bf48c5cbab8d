using System.Data.Common;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Conformance;

/// <summary>T3 as the last statement of a handler's transaction.</summary>
public abstract partial class StoreConformance
{
    private Task<TaskTransaction> BeginAsync() => TaskTransaction.BeginAsync(Db.Database.Dialect, Db.Source, isAlone: false, Stopping);

    /// <summary>As whoever runs a transaction does: where the database wants it repeated, all of it is.</summary>
    private async Task RepeatedAsync(Func<Task> transactionAsync)
    {
        while (true)
        {
            try
            {
                await transactionAsync();
                return;
            }
            catch (DbException e) when (Db.Database.Dialect.Classify(e) == ErrorKind.Retry)
            {
                // Nothing of it has happened.
            }
        }
    }

    /// <summary>What a handler writes: the note of another record of the table.</summary>
    private async Task WriteAsync(TaskTransaction transaction, int number, string note)
    {
        await using var command = transaction.Connection.CreateCommand();
        command.Transaction = transaction.Transaction;
        command.CommandText = $"UPDATE {Profile.Table} SET {TableProfile.Quote(Profile.Note)} = {TableProfile.Literal(note)} WHERE {Profile.KeyIs(number)}";
        Assert.Equal(1, await command.ExecuteNonQueryAsync(Stopping));
    }

    [Fact]
    public async Task A_completion_within_a_transaction_stands_once_that_is_committed_with_all_that_was_written()
    {
        var task = await StartedAsync(1);
        await InsertAsync(2);
        var before = await RowAsync(1);
        var now = Clock.Now;
        await RepeatedAsync(async () =>
        {
            await using var transaction = await BeginAsync();
            await WriteAsync(transaction, 2, "written");
            Assert.True(await Store.FinishWithinAsync(transaction, Completed(task, Changes(Store, (Profile.Flag, true))), Stopping));
            Assert.Equal((before, null), (await RowAsync(1), (await RowAsync(2)).Note));
            Assert.True(transaction.IsOpen);
            await transaction.CommitAsync();
            Assert.False(transaction.IsOpen);
        });
        Assert.Equal((before with { Et = now, Ok = true, Flag = true }, "written"), (await RowAsync(1), (await RowAsync(2)).Note));
    }

    [Fact]
    public async Task A_transaction_that_is_not_committed_leaves_nothing()
    {
        var task = await StartedAsync(1);
        await InsertAsync(2);
        var before = await RowAsync(1);
        await RepeatedAsync(async () =>
        {
            await using var transaction = await BeginAsync();
            await WriteAsync(transaction, 2, "written");
            Assert.True(await Store.FinishWithinAsync(transaction, Completed(task), Stopping));
        });
        Assert.Equal((before, null), (await RowAsync(1), (await RowAsync(2)).Note));
        Assert.Equal(KeysOf(1), Shown(await FinishAsync(Completed(task))));
    }

    [Theory, InlineData("worker"), InlineData("attempt"), InlineData("start"), InlineData("end")]
    public async Task A_completion_within_a_transaction_is_refused_when_the_record_is_somebody_elses(string what)
    {
        var task = await StartedAsync(1);
        var fence = what switch
        {
            "worker" => task.Fence with { Worker = "a.2" },
            "attempt" => task.Fence with { Attempt = 2 },
            "start" => task.Fence with { StartedAt = "2029-01-01 00:00:00" },
            _ => task.Fence,
        };
        if (what == "end") await FinishAsync(new TaskResult(task.Fence, Outcome.Failed, Error: "failed by the leader"));
        var before = await RowAsync(1);
        await RepeatedAsync(async () =>
        {
            await using var transaction = await BeginAsync();
            Assert.False(await Store.FinishWithinAsync(transaction, new TaskResult(fence, Outcome.Completed), Stopping));
        });
        Assert.Equal(before, await RowAsync(1));
    }

    [Fact]
    public async Task A_transaction_that_its_handler_has_ended_is_seen_to_be()
    {
        foreach (var text in (string[])["COMMIT", "ROLLBACK"])
        {
            await RepeatedAsync(async () =>
            {
                await using var transaction = await BeginAsync();
                await using var command = transaction.Connection.CreateCommand();
                command.Transaction = transaction.Transaction;
                command.CommandText = "SELECT 1";
                await command.ExecuteScalarAsync(Stopping);
                Assert.True(transaction.IsOpen);
                command.CommandText = text;
                await command.ExecuteNonQueryAsync(Stopping);
                Assert.False(transaction.IsOpen);
            });
        }
        await using (var transaction = await BeginAsync())
        {
            await transaction.Transaction.RollbackAsync(Stopping);
            Assert.False(transaction.IsOpen);
        }
        await using (var transaction = await BeginAsync())
        {
            await transaction.Transaction.DisposeAsync();
            Assert.False(transaction.IsOpen);
        }
        await using (var transaction = await BeginAsync())
        {
            await transaction.Connection.CloseAsync();
            Assert.False(transaction.IsConnected);
        }
    }
}
