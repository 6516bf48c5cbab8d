using System.Collections;
using System.CommandLine;
using System.CommandLine.Completions;
using System.Data.Common;
using Microsoft.Extensions.Logging;
using Pampa.Hosting;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Commands;

/// <summary>
/// What all verbs have in common: the program, the option that names the database, and what is said of errors.
/// </summary>
internal sealed class Verb
{
    private readonly Lazy<PampaBuilder> program;
    private readonly TextWriter output;
    private readonly TextWriter errors;
    private readonly bool isPublished;

    public Verb(Action<PampaBuilder> configure, TextWriter output, TextWriter errors) : this(new Lazy<PampaBuilder>(() => Make(configure)), output, errors)
    {
    }

    private Verb(Lazy<PampaBuilder> program, TextWriter output, TextWriter errors, bool isPublished = false) =>
        (this.program, this.output, this.errors, this.isPublished) = (program, output, errors, isPublished);

    /// <summary>Without a program: the jobs are those that processes have published in the database.</summary>
    public static Verb OfPublished(TextWriter output, TextWriter errors) =>
        new(new Lazy<PampaBuilder>(() => new PampaBuilder()), output, errors, isPublished: true);

    /// <summary>The program; null where its own configuration throws, which every verb that needs it tells.</summary>
    public PampaBuilder? TryProgram()
    {
        try
        {
            return program.Value;
        }
        catch (PampaConfigurationException)
        {
            return null;
        }
    }

    /// <summary>Whether there is no program: no code, no condition, and no job until the database is asked.</summary>
    public bool IsPublished => isPublished;

    public TextWriter Output => output;

    public TextWriter Errors => errors;

    /// <summary>The same program, which speaks elsewhere.</summary>
    public Verb With(TextWriter otherOutput, TextWriter otherErrors) => new(program, otherOutput, otherErrors, isPublished);

    public static Option<string?> DatabaseOption() => new("--db")
    {
        HelpName = "ADDRESS",
        Description = "The database: a URL without a password, a SQLite file, env:NAME or file:PATH (default: PAMPA_DATABASE_URL, else a SQLite file beside the program).",
    };

    /// <summary>The argument that names a job; a shell that asks is told those of the program.</summary>
    public Argument<string> JobArgument()
    {
        var job = new Argument<string>("job") { Description = "The job." };
        job.CompletionSources.Add(_ => TryProgram()?.Jobs.Select(j => new CompletionItem(j.Name)) ?? []);
        return job;
    }

    public static Option<bool> JsonOption() => new("--json") { Description = "Print JSON and nothing else." };

    /// <summary>
    /// Makes the program, chooses its database, runs the verb; every error ends as lines and an exit code. A verb that works may wait for a
    /// server that lets nobody in just now.
    /// </summary>
    public Task<int> RunAsync(string? database, Func<PampaBuilder, DatabaseChoice, Task<int>> runAsync, CancellationToken stopping, bool waits = false) =>
        RunAsync(errors, async () =>
        {
            var made = program.Value;
            var choice = await Choose(database, made).RecogniseAsync(stopping, waits ? errors.WriteLine : null);
            if (isPublished) made = await PampaCluster.PublishedAsync(choice.Address, made.Cluster, errors.WriteLine, stopping);
            try
            {
                return await runAsync(made, choice);
            }
            catch (Exception e) when (e is DbException or TimeoutException)
            {
                throw new PampaConfigurationException([$"The database does not answer as it should ({choice.Address.Description}): {ErrorText.WithRemedy(e, Admission.Said(choice.Address.Dialect, e))}"]);
            }
        }, stopping);

    // A file beside the tool would be nobody's.
    private DatabaseChoice Choose(string? database, PampaBuilder made) =>
        !isPublished ? DatabaseChoice.Choose(database, made.Database, Environment.GetEnvironmentVariable)
        : DatabaseChoice.ChooseNamed(database, null, Environment.GetEnvironmentVariable)
            ?? throw new PampaConfigurationException(["There is no database: give --db ADDRESS, or set PAMPA_DATABASE_URL."]);

    /// <summary>Runs something; every error ends as lines and an exit code.</summary>
    public static async Task<int> RunAsync(TextWriter errors, Func<Task<int>> runAsync, CancellationToken stopping)
    {
        try
        {
            return await runAsync();
        }
        catch (PampaConfigurationException e)
        {
            foreach (var error in e.Errors) await errors.WriteLineAsync(error);
            return ExitCode.Configuration;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException && e.Data.Contains(PampaCluster.CallersFault))
        {
            await errors.WriteLineAsync(e.Message);
            return ExitCode.Configuration;
        }
        catch (Exception e) when (e is DbException or TimeoutException or IOException)
        {
            await errors.WriteLineAsync($"The database does not answer as it should: {ErrorText.WithRemedy(e).ReplaceLineEndings(" ")}");
            return ExitCode.Configuration;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return ExitCode.Done;
        }
    }

    /// <summary>
    /// Opens the cluster for a look from outside: nothing runs and, if nothing else is said, nothing is set up. Whoever takes the misfits gets the
    /// jobs that fit their tables; else one that does not is an error.
    /// </summary>
    public Task<int> WithClusterAsync(
        string? database, Func<PampaCluster, DatabaseChoice, Task<int>> runAsync, CancellationToken stopping, SchemaChanges changes = SchemaChanges.None,
        List<(string Job, string Why)>? misfits = null) =>
        RunAsync(database, async (made, choice) =>
        {
            using var logs = Complaining();
            await using var cluster = await PampaCluster.OpenAsync(made, choice.Address, changes, logs, stopping, misfits);
            return await runAsync(cluster, choice);
        }, stopping);

    // What goes wrong beside the verb, as in the code of hooks, comes back from none of its calls.
    private ILoggerFactory Complaining()
    {
        var gate = new Lock();
        var lines = new LineLog(Complain, TimeProvider.System);
        return LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Warning).AddProvider(lines));

        void Complain(DateTimeOffset at, LogLevel level, string text, LineEnd? end)
        {
            lock (gate) errors.WriteLine(LogLine.Of(at, level, text, hasColors: false));
        }
    }

    private static PampaBuilder Make(Action<PampaBuilder> configure)
    {
        var program = new PampaBuilder();
        try
        {
            configure(program);
        }
        catch (Exception e) when (e is not PampaConfigurationException)
        {
            throw new PampaConfigurationException([$"The program's own configuration throws {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}"]);
        }
        var errors = new List<string>();
        var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>();
        Settings.Apply(environment.Select(v => KeyValuePair.Create((string)v.Key, (string?)v.Value)), program, errors);
        if (errors.Count > 0) throw new PampaConfigurationException(errors);
        return program;
    }
}
