using System.Text.Json;
using Pampa.Commands;
using Pampa.Servers;

namespace Pampa.Tests.Verbs;

/// <summary>The verbs without a program, on the jobs that its processes have published; and what shells and people are told of them.</summary>
public sealed class PublishedVerbTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("pampa-published-");

    private string File => Path.Combine(folder.FullName, "shop.db");

    public void Dispose() => folder.Delete(recursive: true);

    private static void Program(PampaBuilder pampa)
    {
        pampa.Cluster = "shop";
        pampa.Setup("CREATE TABLE IF NOT EXISTS numbers (value INTEGER PRIMARY KEY)");
        pampa.Setup("INSERT INTO numbers (value) VALUES (1), (2), (13) ON CONFLICT DO NOTHING");
        pampa.AddJob("numbers", "numbers", "value", job =>
        {
            job.MaxAttempts = 1;
            job.Process(task =>
            {
                if (task.Get<long>("value") == 13) throw new InvalidOperationException("unlucky");
            });
        });
        pampa.AddSchedule("nightly", "0 3 * * *", schedule => schedule.Do(_ => $"INSERT INTO numbers (value) VALUES (99)"));
    }

    private async Task RunProgramAsync()
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        Assert.Equal(1, await CommandLine.RunAsync(["run", "--drain", "--db", File], Program, output, errors));
    }

    private async Task<(int Code, string Said, string Errors)> LookAsync(params string[] args)
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        string[] all = args.Contains("--db") ? args : [.. args, "--db", File, "--cluster", "shop"];
        var code = await CommandLine.RunPublishedAsync(all, "pampa", output, errors);
        return (code, output.ToString(), errors.ToString());
    }

    [Fact]
    public async Task A_cluster_is_looked_at_and_operated_from_nothing_but_its_database()
    {
        await RunProgramAsync();

        var (code, said, errors) = await LookAsync("status", "--json");
        Assert.Equal((0, ""), (code, errors));
        using (var status = JsonDocument.Parse(said))
        {
            var job = status.RootElement.GetProperty("jobs")[0];
            Assert.Equal(("numbers", 2, 1), (job.GetProperty("job").GetString(), job.GetProperty("completed").GetInt32(), job.GetProperty("failed").GetInt32()));
        }
        Assert.Contains("unlucky", (await LookAsync("errors", "numbers")).Said, StringComparison.Ordinal);
        Assert.Contains("13", (await LookAsync("tasks", "numbers", "--state", "failed")).Said, StringComparison.Ordinal);

        Assert.Equal(0, (await LookAsync("retry", "numbers", "13", "--reason", "again")).Code);
        Assert.Contains("13: pending", (await LookAsync("explain", "numbers", "13")).Said, StringComparison.Ordinal);
        Assert.Contains("again", (await LookAsync("audit")).Said, StringComparison.Ordinal);
        Assert.Equal(0, (await LookAsync("pause", "job", "numbers")).Code);
        Assert.Contains("numbers", (await LookAsync("status")).Said, StringComparison.Ordinal);
    }

    [Theory, InlineData("cancel"), InlineData("skip")]
    public async Task What_may_be_no_task_is_not_ended_by_who_does_not_know_the_condition(string verb)
    {
        void Few(PampaBuilder pampa)
        {
            pampa.Cluster = "shop";
            pampa.Setup("CREATE TABLE IF NOT EXISTS numbers (value INTEGER PRIMARY KEY)", "INSERT INTO numbers (value) VALUES (1), (2), (3) ON CONFLICT DO NOTHING");
            pampa.AddJob("numbers", "numbers", "value", job =>
            {
                job.Where = $"value < {2}";
                job.Process(_ => { });
            });
        }
        Assert.Equal(0, await CommandLine.RunAsync(["run", "--drain", "--db", File], Few, new StringWriter(), new StringWriter()));

        var (code, _, errors) = await LookAsync(verb, "numbers", "--all", "--yes");

        Assert.Equal(2, code);
        Assert.Contains("has a condition (Where) that only its own program knows", errors, StringComparison.Ordinal);
        Assert.Contains("3: pending", (await LookAsync("explain", "numbers", "3")).Said, StringComparison.Ordinal);
        // Whoever names a record knows what it is.
        Assert.Equal(0, (await LookAsync(verb, "numbers", "2", "--yes")).Code);
        Assert.DoesNotContain("2: pending", (await LookAsync("explain", "numbers", "2")).Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_runs_is_not_cancelled_where_only_the_program_would_be_told_of_its_end()
    {
        void Told(PampaBuilder pampa)
        {
            pampa.Cluster = "shop";
            pampa.Setup("CREATE TABLE IF NOT EXISTS numbers (value INTEGER PRIMARY KEY)", "INSERT INTO numbers (value) VALUES (1) ON CONFLICT DO NOTHING");
            pampa.AddJob("numbers", "numbers", "value", job =>
            {
                job.OnFinished(_ => Task.CompletedTask);
                job.Process(_ => { });
            });
        }
        Assert.Equal(0, await CommandLine.RunAsync(["run", "--drain", "--db", File], Told, new StringWriter(), new StringWriter()));

        var (code, _, errors) = await LookAsync("cancel", "numbers", "1", "--running", "--yes");

        Assert.Equal(2, code);
        Assert.Contains("has an OnFinished, which is told of the end of each attempt", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("OnFinished", (await LookAsync("cancel", "numbers", "1", "--yes")).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_keeps_workers_is_shown_once_where_nobody_watches()
    {
        await RunProgramAsync();
        var (code, said, errors) = await LookAsync("top");
        Assert.Equal((0, ""), (code, errors));
        Assert.Contains("NODE\tWORKERS\tRUNNING\tIN HAND\tPER S\tCORES\tMB\tHEARD", said, StringComparison.Ordinal);
        Assert.Contains("leader: none", said, StringComparison.Ordinal);
        Assert.Contains("No task has been running", said, StringComparison.Ordinal);
        using var json = JsonDocument.Parse((await LookAsync("top", "--json")).Said);
        Assert.Equal((0, 0), (json.RootElement.GetProperty("nodes").GetArrayLength(), json.RootElement.GetProperty("running").GetArrayLength()));
    }

    [Fact]
    public async Task Schedules_are_listed_paused_and_resumed_and_run_by_their_program_alone()
    {
        await RunProgramAsync();

        var (code, said, errors) = await LookAsync("schedules");
        Assert.Equal((0, ""), (code, errors));
        Assert.Contains("nightly: '0 3 * * *' (UTC), next ", said, StringComparison.Ordinal);
        Assert.Equal((0, $"schedule nightly is paused{Environment.NewLine}", ""), await LookAsync("schedules", "pause", "nightly", "--reason", "moving"));
        using (var json = JsonDocument.Parse((await LookAsync("schedules", "list", "--json")).Said))
        {
            var schedule = json.RootElement.GetProperty("schedules")[0];
            Assert.Equal(("Paused", "moving", false), (schedule.GetProperty("state").GetString(), schedule.GetProperty("pauseReason").GetString(), schedule.GetProperty("isInProgram").GetBoolean()));
        }
        Assert.Equal((0, $"schedule nightly is resumed{Environment.NewLine}", ""), await LookAsync("schedules", "resume", "nightly"));
        Assert.Contains("pause schedule", (await LookAsync("audit")).Said, StringComparison.Ordinal);

        (code, said, errors) = await LookAsync("schedules", "run", "nightly");
        Assert.Equal((2, ""), (code, said));
        Assert.StartsWith("schedules: its program does that", errors, StringComparison.Ordinal);
        var help = new StringWriter();
        Assert.Equal(0, await CommandLine.RunPublishedAsync(["schedules", "--help"], "pampa", help, new StringWriter()));
        Assert.DoesNotContain("run", help.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_only_the_program_can_do_is_no_verb_of_it()
    {
        foreach (var verb in (string[])["run", "node", "dispatcher", "migrate", "preview"])
            Assert.Contains($"Unknown command '{verb}'", (await LookAsync(verb)).Errors, StringComparison.Ordinal);
        var help = new StringWriter();
        Assert.Equal(0, await CommandLine.RunPublishedAsync(["--help"], "pampa", help, new StringWriter()));
        Assert.Contains("pampa VERB [OPTIONS]", help.ToString(), StringComparison.Ordinal);
        Assert.Contains("--cluster NAME", help.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("Options of run", help.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_missing_is_told_and_nothing_is_made()
    {
        Assert.Equal(
            (2, "There is no database: give --db ADDRESS, or set PAMPA_DATABASE_URL."),
            await CodeAndErrorAsync(["status"]));
        var empty = Path.Combine(folder.FullName, "empty.db");
        var none = await LookAsync("status", "--db", empty);
        Assert.Equal((2, $"There is no file '{empty}': give the database of a program that has run."), (none.Code, none.Errors.Trim()));
        Assert.False(System.IO.File.Exists(empty));
        await RunProgramAsync();
        var (code, _, errors) = await LookAsync("status", "--db", File, "--cluster", "other");
        Assert.Equal(2, code);
        Assert.Contains("No process of the cluster 'other' has published a job", errors, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Error)> CodeAndErrorAsync(string[] args)
    {
        var errors = new StringWriter();
        var code = await CommandLine.RunPublishedAsync(args, "pampa", new StringWriter(), errors);
        return (code, errors.ToString().Trim());
    }

    [Theory]
    [InlineData("sta", "status")]
    [InlineData("retry ", "numbers")]
    [InlineData("tasks numbers --sta", "--state")]
    [InlineData("audit --tar", "--target")]
    [InlineData("audit --action dr", "drain")]
    public async Task A_shell_is_told_verbs_options_and_jobs(string line, string expected)
    {
        var output = new StringWriter();
        Assert.Equal(0, await CommandLine.RunAsync([$"[suggest:{line.Length}]", line], Program, output, new StringWriter()));
        Assert.Contains(expected, output.ToString().Split(Environment.NewLine));
    }

    [Theory, InlineData("sta", "status"), InlineData("schedules ", "pause"), InlineData("tasks numbers --sta", "--state")]
    public async Task Without_a_program_a_shell_is_told_verbs_and_options(string line, string expected)
    {
        var output = new StringWriter();
        Assert.Equal(0, await CommandLine.RunPublishedAsync([$"[suggest:{line.Length}]", line], "pampa", output, new StringWriter()));
        var told = output.ToString().Split(Environment.NewLine);
        Assert.Contains(expected, told);
        Assert.DoesNotContain("run", told);
        var help = new StringWriter();
        Assert.Equal(0, await CommandLine.RunPublishedAsync(["completion", "--help"], "pampa", help, new StringWriter()));
        Assert.Contains("completes verbs and options of", help.ToString().ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    // No command of fish may be what another one prints: a variable holds it.
    [Fact]
    public void The_script_of_fish_is_of_a_shape_that_it_takes() => Assert.Equal("""
        function _my_shop_complete
          set -l words (commandline -opc)
          set -l line (commandline -pc)
          set -l program (string replace -r '^(~|\$HOME)/' "$HOME/" -- $words[1])
          $program "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -f -c 'my.shop' -a '(_my_shop_complete)'
        """, CompletionCommand.Script("fish", "my.shop"));

    [Theory, InlineData("bash"), InlineData("zsh"), InlineData("fish"), InlineData("pwsh")]
    public async Task Its_script_asks_the_program_itself(string shell)
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        Assert.Equal(0, await CommandLine.RunPublishedAsync(["completion", shell], "my.shop's", output, errors));
        Assert.Contains("[suggest:", output.ToString(), StringComparison.Ordinal);
        Assert.Contains(shell switch { "bash" or "zsh" or "fish" => @"my.shop'\''s", _ => "my.shop''s" }, output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bash_completes_with_it()
    {
        var program = Path.Combine(folder.FullName, "shop-program");
        // What any program of ours answers to a shell.
        await System.IO.File.WriteAllTextAsync(program, "#!/bin/sh\nprintf 'status\\nstandby\\ntasks\\n'\n", TestContext.Current.CancellationToken);
        await Tool.RunAsync("chmod", "+x", program);
        var (script, said) = (CompletionCommand.Script("bash", "shop-program"), Path.Combine(folder.FullName, "said"));
        await Tool.RunAsync("bash", "-c",
            $"{script}\nCOMP_WORDS=('{program}' sta); COMP_CWORD=1; COMP_LINE='x sta'; COMP_POINT=5; _shop_program_complete; printf '%s\\n' \"${{COMPREPLY[@]}}\" >'{said}'");
        Assert.Equal(["status", "standby"], await System.IO.File.ReadAllLinesAsync(said, TestContext.Current.CancellationToken));
        // As people type it.
        foreach (var typed in new[] { "~/shop-program", "$HOME/shop-program" })
        {
            await Tool.RunAsync("bash", "-c",
                $"{script}\nHOME='{folder.FullName}'; COMP_WORDS=('{typed}' ta); COMP_CWORD=1; COMP_LINE='x ta'; COMP_POINT=4; _shop_program_complete; printf '%s\\n' \"${{COMPREPLY[@]}}\" >'{said}'");
            Assert.Equal(["tasks"], await System.IO.File.ReadAllLinesAsync(said, TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task Fish_completes_with_it()
    {
        const string fish = "/usr/bin/fish";
        Assert.SkipUnless(System.IO.File.Exists(fish), $"There is no fish here: {fish} is missing (apt-get install fish).");
        var (program, asked) = (Path.Combine(folder.FullName, "shop-program"), Path.Combine(folder.FullName, "asked"));
        await System.IO.File.WriteAllTextAsync(
            program, $"#!/bin/sh\nprintf '%s\\n' \"$@\" >'{asked}'\nprintf 'status\\nstandby\\ntasks\\n'\n", TestContext.Current.CancellationToken);
        await Tool.RunAsync("chmod", "+x", program);
        var said = Path.Combine(folder.FullName, "said");
        await Tool.RunAsync(fish, "--no-config", "-c", $"{CompletionCommand.Script("fish", "shop-program")}\ncomplete -C '{program} sta' >'{said}'");
        Assert.Equal(["standby", "status"], (await System.IO.File.ReadAllLinesAsync(said, TestContext.Current.CancellationToken)).Order());
        await Tool.RunAsync(fish, "--no-config", "-c",
            $"set -x HOME '{folder.FullName}'\n{CompletionCommand.Script("fish", "shop-program")}\ncomplete -C '~/shop-program ta' >'{said}'");
        Assert.Equal(["tasks"], await System.IO.File.ReadAllLinesAsync(said, TestContext.Current.CancellationToken));
        await Tool.RunAsync(fish, "--no-config", "-c", $"{CompletionCommand.Script("fish", "shop-program")}\ncomplete -C '{program} sta' >'{said}'");
        var line = $"{program} sta";
        Assert.Equal([$"[suggest:{line.Length}]", line], await System.IO.File.ReadAllLinesAsync(asked, TestContext.Current.CancellationToken));
    }
}
