using System.Text.Json;

namespace Pampa.Tests.Verbs;

/// <summary>The verb <c>schedules</c> in this process, on SQLite files of its own.</summary>
public sealed class ScheduleVerbTests() : VerbRig(Program)
{
    private static void Program(PampaBuilder pampa)
    {
        pampa.Setup("CREATE TABLE IF NOT EXISTS numbers (value bigint PRIMARY KEY)");
        pampa.AddJob("numbers", "numbers", "value", job => job.Process(_ => { }));
        pampa.AddSchedule("nightly", "0 3 * * *", schedule =>
        {
            schedule.TimeZone = "Asia/Kolkata";
            schedule.Do(tick => $"INSERT INTO numbers (value) VALUES ({tick.At.ToUnixTimeMilliseconds()})");
        });
        pampa.AddSchedule("slow", "@yearly", schedule =>
        {
            schedule.MaxDuration = TimeSpan.FromSeconds(1);
            schedule.Do((tick, _, _) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, tick.CancellationToken));
        });
        pampa.AddSchedule("broken", "@yearly", schedule => schedule.Do((_, _, _) => throw new InvalidOperationException("not\e[2J today")));
    }

    [Fact]
    public async Task It_lists_pauses_resumes_and_runs()
    {
        Assert.Contains("has no tables of Pampa's yet", (await RunAsync("schedules")).Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("migrate")).Code);
        Assert.Contains("idle: no dispatcher leads that has it in its program", (await RunAsync("schedules")).Said, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("run", "--drain")).Code);

        var (code, said, errors) = await RunAsync("schedules", "list");
        Assert.Equal((0, ""), (code, errors));
        Assert.Matches(@"(?m)^nightly: '0 3 \* \* \*' \(Asia/Kolkata\), next [0-9-]+ 21:30:00Z \(local [0-9-]+ 03:00:00 \+05:30\), in [0-9:]+; no tick yet$", said.ReplaceLineEndings("\n"));

        Assert.Equal((0, $"schedule nightly is paused{Environment.NewLine}", ""), await RunAsync("schedules", "pause", "nightly", "--reason", "moving"));
        said = (await RunAsync("schedules")).Said;
        Assert.Matches(@"(?m)^nightly: .*, no next tick; no tick yet$", said.ReplaceLineEndings("\n"));
        Assert.Matches(@"(?m)^  paused since [0-9-]+ [0-9:]+Z \(moving\), until it is resumed$", said.ReplaceLineEndings("\n"));
        Assert.Matches("schedule nightly: paused since .* \\(moving\\)", (await RunAsync("status")).Said);
        Assert.Equal("nightly", JsonDocument.Parse((await RunAsync("status", "--json")).Said).RootElement.GetProperty("schedules")[1].GetProperty("name").GetString());
        var paused = JsonDocument.Parse((await RunAsync("schedules", "--json")).Said).RootElement.GetProperty("schedules")[1];
        Assert.Equal(("Paused", "moving", JsonValueKind.Null), (paused.GetProperty("state").GetString(), paused.GetProperty("pauseReason").GetString(), paused.GetProperty("next").ValueKind));

        (code, said, errors) = await RunAsync("schedules", "run", "nightly");
        Assert.Equal((0, ""), (code, errors));
        Assert.Matches(@"^schedule nightly has run \([0-9-]+ [0-9:]+Z\)", said);
        Assert.Equal(1, await ScalarAsync("SELECT count(*) FROM numbers"));
        Assert.Equal((0, $"schedule nightly is resumed{Environment.NewLine}", ""), await RunAsync("schedules", "resume", "nightly"));
        Assert.Equal((0, $"schedule nightly was not paused{Environment.NewLine}", ""), await RunAsync("schedules", "resume", "nightly"));

        (code, said, errors) = await RunAsync("schedules", "run", "broken");
        Assert.Equal((1, "", @"Schedule 'broken': the tick has failed, and nothing of it stays: its code throws InvalidOperationException: not\u001B[2J today"),
            (code, said, errors.TrimEnd()));
        (code, said, errors) = await RunAsync("schedules", "run", "slow");
        Assert.Equal((1, ""), (code, said));
        Assert.StartsWith("Schedule 'slow': the tick has failed, and nothing of it stays: it did not end within 00:00:01 (MaxDuration): ", errors, StringComparison.Ordinal);
        (code, said, errors) = await RunAsync("schedules", "run", "nihgtly");
        Assert.Equal((2, "", "There is no schedule 'nihgtly' (did you mean 'nightly'?). Schedules are broken, nightly, slow."), (code, said, errors.TrimEnd()));
    }

    [Fact]
    public async Task What_is_done_to_one_is_told_as_json()
    {
        Assert.Equal(0, (await RunAsync("migrate")).Code);
        Assert.Equal((0, """{"action":"pause","schedule":"nightly","isPaused":true,"reason":"moving"}""", ""), await LineAsync("pause", "nightly", "--reason", "moving"));
        Assert.Equal((0, """{"action":"pause","schedule":"nightly","isPaused":true}""", ""), await LineAsync("pause", "nightly"));
        Assert.Equal((0, """{"action":"resume","schedule":"nightly","isPaused":false,"wasPaused":true}""", ""), await LineAsync("resume", "nightly"));
        Assert.Equal((0, """{"action":"resume","schedule":"nightly","isPaused":false,"wasPaused":false}""", ""), await LineAsync("resume", "nightly"));
        using var run = JsonDocument.Parse((await LineAsync("run", "nightly")).Said);
        Assert.Equal(("run", "nightly"), (run.RootElement.GetProperty("action").GetString(), run.RootElement.GetProperty("schedule").GetString()));
        Assert.Equal(
            run.RootElement.GetProperty("tick").GetDateTimeOffset().ToUnixTimeMilliseconds(), await ScalarAsync("SELECT value FROM numbers"));
        var (code, said, errors) = await LineAsync("run", "broken");
        Assert.Equal((1, ""), (code, said));
        Assert.Contains("the tick has failed", errors, StringComparison.Ordinal);
    }

    private async Task<(int Code, string Said, string Errors)> LineAsync(params string[] args)
    {
        var (code, said, errors) = await RunAsync(["schedules", .. args, "--json"]);
        return (code, said.TrimEnd(), errors);
    }

    [Theory]
    [InlineData("schedules: say which one to pause.", "pause")]
    [InlineData("schedules: list takes no name.", "list", "nightly")]
    [InlineData("schedules: --reason is for pause.", "resume", "nightly", "--reason", "x")]
    [InlineData("Argument 'puase' not recognized. Must be one of:", "puase", "nightly")]
    public async Task What_is_not_understood_is_told(string complaint, params string[] args)
    {
        var (code, said, errors) = await RunAsync(["schedules", .. args]);
        Assert.Equal((2, ""), (code, said));
        Assert.StartsWith(complaint, errors, StringComparison.Ordinal);
    }
}
