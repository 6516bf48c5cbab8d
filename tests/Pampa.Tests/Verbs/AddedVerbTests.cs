using System.CommandLine;
using Pampa.Commands;

namespace Pampa.Tests.Verbs;

/// <summary>Verbs that a package or a program adds.</summary>
public sealed class AddedVerbTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-verb-").FullName;

    private string File => Path.Combine(folder, "test.db");

    private static async Task<(int Code, string Output, string Errors)> RunAsync(Action<PampaBuilder> program, params string[] args)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var code = await CommandLine.RunAsync(args, program, output, errors);
        return (code, output.ToString(), errors.ToString());
    }

    private static void Job(PampaBuilder pampa)
    {
        pampa.Setup("CREATE TABLE t (id integer PRIMARY KEY)");
        pampa.AddJob("j", table: "t", key: "id", job => job.Process(_ => { }));
    }

    private static VerbCommand Greeting(VerbContext context)
    {
        var verb = new VerbCommand("greet", "Says hello. And more.") { Examples = [("greet me", "Hello, me.")] };
        var who = new Argument<string>("who") { Description = "Who." };
        verb.Arguments.Add(who);
        verb.SetAction((parsed, _) => context.RunAsync(async _ =>
        {
            await context.Output.WriteLineAsync($"Hello, {parsed.GetValue(who)}");
            return 7;
        }));
        return verb;
    }

    private static VerbCommand Group(VerbContext context)
    {
        var group = new VerbCommand("people", "About people.");
        group.Subcommands.Add(Greeting(context));
        return group;
    }

    [Fact]
    public async Task A_verb_is_run_and_stands_in_the_help()
    {
        var (code, output, errors) = await RunAsync(pampa => pampa.AddVerb(Greeting), "greet", "you");
        Assert.Equal((7, "Hello, you", ""), (code, output.Trim(), errors));
        (_, output, _) = await RunAsync(pampa => pampa.AddVerb(Greeting), "--help");
        Assert.Contains("  greet ", output, StringComparison.Ordinal);
        (_, output, _) = await RunAsync(pampa => pampa.AddVerb(Greeting), "greet", "--help");
        Assert.Contains(" greet WHO [OPTIONS]", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_verb_prints_tables_as_the_others_do()
    {
        VerbCommand Rows(VerbContext context)
        {
            var verb = new VerbCommand("rows", "Prints rows.");
            verb.SetAction((_, _) => context.RunAsync(async _ =>
            {
                foreach (var line in context.Table(["a", "b"], [["1", "\e[2J"], [null, "2"]])) await context.Output.WriteLineAsync(line);
                // Nobody looks on.
                return context.IsLive ? 1 : 0;
            }));
            return verb;
        }
        var (code, output, _) = await RunAsync(pampa => pampa.AddVerb(Rows), "rows");
        Assert.Equal((0, "a\tb\n1\t\\u001B[2J\n\t2\n"), (code, output.ReplaceLineEndings("\n")));
    }

    [Fact]
    public async Task Verbs_stand_below_a_verb()
    {
        var (code, output, _) = await RunAsync(pampa => pampa.AddVerb(Group), "people", "greet", "you");
        Assert.Equal((7, "Hello, you"), (code, output.Trim()));
        (_, output, _) = await RunAsync(pampa => pampa.AddVerb(Group), "people", "--help");
        Assert.Contains(" people VERB [OPTIONS]", output, StringComparison.Ordinal);
        Assert.Contains("  greet  Says hello.", output, StringComparison.Ordinal);
        (_, output, _) = await RunAsync(pampa => pampa.AddVerb(Group), "people", "greet", "--help");
        Assert.Contains(" people greet WHO [OPTIONS]", output, StringComparison.Ordinal);
        (code, _, var errors) = await RunAsync(pampa => pampa.AddVerb(Group), "people", "gret", "you");
        Assert.Equal(2, code);
        Assert.Contains("Did you mean 'greet'?", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_verb_gets_the_cluster_and_the_database()
    {
        VerbDatabase? seen = null;
        void Program(PampaBuilder pampa, bool setsUp)
        {
            Job(pampa);
            pampa.AddVerb(context =>
            {
                var verb = new VerbCommand("count", "Counts.");
                var database = VerbContext.DatabaseOption();
                verb.Options.Add(database);
                verb.SetAction((parsed, _) => context.WithClusterAsync(parsed.GetValue(database), async (cluster, db, stopping) =>
                {
                    seen = db;
                    await context.Output.WriteLineAsync(string.Join(',', await cluster.JobsAsync(stopping)));
                    return 0;
                }, setsUp));
                return verb;
            });
        }

        // Looked at from outside it is as it is.
        var (code, _, errors) = await RunAsync(pampa => Program(pampa, setsUp: false), "count", "--db", File);
        Assert.Equal(2, code);
        Assert.NotEmpty(errors);
        (code, var output, _) = await RunAsync(pampa => Program(pampa, setsUp: true), "count", "--db", File);
        Assert.Equal((0, "j"), (code, output.Trim()));
        Assert.True(seen!.IsFile);
        Assert.Contains(File, seen.Address, StringComparison.Ordinal);
        Assert.Equal(seen.Description, seen.ToString());
        (code, output, _) = await RunAsync(pampa => Program(pampa, setsUp: false), "count", "--db", File);
        Assert.Equal((0, "j"), (code, output.Trim()));
    }

    [Fact]
    public async Task What_a_verb_throws_ends_as_lines()
    {
        static VerbCommand Wrong(VerbContext context)
        {
            var verb = new VerbCommand("wrong", "Goes wrong.");
            verb.SetAction((_, _) => context.RunAsync(_ => throw new PampaConfigurationException(["one", "two\u001b"])));
            return verb;
        }

        var (code, _, errors) = await RunAsync(pampa => pampa.AddVerb(Wrong), "wrong");
        Assert.Equal((2, "one\ntwo\\u001B\n"), (code, errors.ReplaceLineEndings("\n")));
    }

    [Fact]
    public async Task A_verb_that_is_there_already_or_throws_is_an_error_of_the_configuration()
    {
        var (code, _, errors) = await RunAsync(pampa =>
        {
            Job(pampa);
            pampa.AddVerb(_ => new VerbCommand("status", "Mine."));
            pampa.AddVerb(_ => throw new InvalidOperationException("no verb"));
        }, "status", "--db", File);
        Assert.Equal(2, code);
        Assert.Contains("There are two verbs 'status'", errors, StringComparison.Ordinal);
        Assert.Contains("A verb that is added throws InvalidOperationException: no verb", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_whose_configuration_throws_has_its_help_all_the_same()
    {
        static void Broken(PampaBuilder pampa) => throw new InvalidOperationException("no configuration");

        var (code, output, _) = await RunAsync(Broken, "--help");
        Assert.Equal(0, code);
        Assert.Contains("  status ", output, StringComparison.Ordinal);
        (code, _, var errors) = await RunAsync(Broken, "status");
        Assert.Equal(2, code);
        Assert.Contains("no configuration", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_configuration_is_run_once()
    {
        var runs = 0;
        await RunAsync(pampa =>
        {
            runs++;
            Job(pampa);
        }, "run", "--drain", "--db", File);
        Assert.Equal(1, runs);
    }

    public void Dispose()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
    }
}
