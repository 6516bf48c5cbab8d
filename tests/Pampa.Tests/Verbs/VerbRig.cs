using System.Globalization;
using Microsoft.Data.Sqlite;
using Pampa.Commands;

namespace Pampa.Tests.Verbs;

/// <summary>The command line of a program in this process, on a SQLite file of its own.</summary>
/// <param name="program">What the program adds.</param>
public abstract class VerbRig(Action<PampaBuilder> program) : IDisposable
{
    /// <summary>A folder of its own.</summary>
    protected string Folder { get; } = Directory.CreateTempSubdirectory("pampa-verbs-").FullName;

    /// <summary>The database.</summary>
    protected string File => Path.Combine(Folder, "test.db");

    protected Task<(int Code, string Said, string Errors)> RunAsync(params string[] args) => RunAsync(program, args);

    protected async Task<(int Code, string Said, string Errors)> RunAsync(Action<PampaBuilder> other, params string[] args)
    {
        var (output, errors) = (new StringWriter(), new StringWriter());
        var code = await CommandLine.RunAsync(args.Contains("--db") ? args : [.. args, "--db", File], other, output, errors);
        return (code, output.ToString(), errors.ToString());
    }

    protected Task ExecuteAsync(string sql) => CommandAsync(sql, command => command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken));

    protected async Task<long> ScalarAsync(string sql) =>
        Convert.ToInt64(await CommandAsync(sql, command => command.ExecuteScalarAsync(TestContext.Current.CancellationToken)), CultureInfo.InvariantCulture);

    private async Task<T> CommandAsync<T>(string sql, Func<SqliteCommand, Task<T>> runAsync)
    {
        await using var connection = new SqliteConnection($"Data Source={File};Pooling=false");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return await runAsync(command);
    }

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }
}
