using Npgsql;
using Pampa.Storage;

namespace Pampa.Tests.Life;

/// <summary>A role's password that changes while programs run.</summary>
[Collection(OwnServer.Name)]
public sealed class PasswordTests(GuardedServer server)
{
    private const int Count = 100;
    private const string First = "first-canary-71";
    private const string Second = "second-canary-72";

    private Task GiveAsync(string password) => server.Server.ExecuteAsync($"ALTER ROLE {GuardedServer.Keeper} PASSWORD '{password}'");

    private static void Write(string file, string text)
    {
        File.WriteAllText($"{file}.new", text);
        File.Move($"{file}.new", file, overwrite: true);
    }

    [Fact]
    public async Task A_password_in_a_file_is_changed_under_load_and_nobody_starts_again()
    {
        var database = await server.NewDatabaseAsync(GuardedServer.Keeper);
        await GiveAsync(First);
        var file = server.Within("address");
        Write(file, server.Url($"{GuardedServer.Keeper}:{First}", database));
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var work = LiveProcess.Numbers(4, Count, task => task.Get<long>("value") > Count / 2 ? go.Task : Task.CompletedTask);
        await using var process = LiveProcess.Start($"file:{file}", "n1", work);
        await process.UntilAsync(() => Task.FromResult(process.Completed >= Count / 4), "some are completed");

        await GiveAsync(Second);
        await server.EndSessionsAsync(database);
        go.SetResult();
        await process.HearAsync("28P01: password authentication failed for user \"keeper\". Check the password.");
        File.Delete(file);
        await process.HearAsync("Could not find file");
        Write(file, server.Url($"{GuardedServer.Keeper}:{Second}", database));
        await process.UntilAsync(() => Task.FromResult(process.Completed == Count), "all are completed");
        Assert.Equal(Count, await server.AskAsync<long>(database, $"SELECT count(*) FROM numbers WHERE {LiveProcess.Right}"));
        Assert.Equal((1, 0), (process.Said("[300]"), process.Said("[303]")));
        Assert.Equal(0, await process.StopAsync());
        Assert.DoesNotContain(process.Lines, l => l.Contains("canary", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_passfile_is_read_for_each_connection()
    {
        await GiveAsync(First);
        var file = server.Within("passfile");
        Write(file, $"127.0.0.1:*:*:{GuardedServer.Keeper}:{First}\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var address = DatabaseAddress.Parse(server.Url(GuardedServer.Keeper, parameters: $"passfile={Uri.EscapeDataString(file)}&Pooling=false"));
        await using var source = address.Dialect.Open(address.ConnectionString, "test", 1);
        await using (await source.OpenConnectionAsync(TestContext.Current.CancellationToken))
        {
            await GiveAsync(Second);
        }
        var error = await Assert.ThrowsAsync<PostgresException>(async () => await source.OpenConnectionAsync(TestContext.Current.CancellationToken));
        Assert.Equal(ErrorKind.Infrastructure, address.Dialect.Classify(error));
        Write(file, $"127.0.0.1:*:*:{GuardedServer.Keeper}:{Second}\n");
        await using var again = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
    }
}
