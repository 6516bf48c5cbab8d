using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>Which database a program uses, and why: the first line that it prints.</summary>
internal sealed record DatabaseChoice(DatabaseAddress Address, string Why)
{
    private const string UrlVariable = "PAMPA_DATABASE_URL";
    private const string ConnectionVariable = "ConnectionStrings__Pampa";
    private const string SettingVariable = "Pampa__Database";
    private const string FilePrefix = "file:";

    /// <summary>
    /// Chooses: --db, then PAMPA_DATABASE_URL, ConnectionStrings__Pampa and Pampa__Database, then what the program's
    /// code says, else a SQLite file beside the program.
    /// </summary>
    /// <exception cref="PampaConfigurationException">The address cannot be used; the text never holds it.</exception>
    public static DatabaseChoice Choose(string? option, string? code, Func<string, string?> environment) =>
        ChooseNamed(option, code, environment)
        ?? new(DatabaseAddress.SqliteFile(DefaultFile()), $"the default; set {UrlVariable} or --db for another");

    /// <summary>The same, but null where nobody names one.</summary>
    /// <exception cref="PampaConfigurationException">The address cannot be used; the text never holds it.</exception>
    public static DatabaseChoice? ChooseNamed(string? option, string? code, Func<string, string?> environment)
    {
        if (option is not null) return FromText(option, "--db", environment);
        foreach (var variable in (string[])[UrlVariable, ConnectionVariable, SettingVariable])
        {
            if (environment(variable) is not { Length: > 0 } text) continue;
            // A file may be given a new password while the program runs, a variable may not.
            return text.StartsWith(FilePrefix, StringComparison.Ordinal) ? FromText(text, variable, environment) : new(Parse(text, variable), $"from {variable}");
        }
        return code is { Length: > 0 } ? FromText(code, "the program's Database", environment) : null;
    }

    /// <summary>
    /// The same with the dialect of the server that answers there: an address of PostgreSQL's kind may lead to a CockroachDB. Where none
    /// answers the address stays what it is, and whoever prepares the database asks again (<see cref="Dialect.MisfitAsync"/>).
    /// </summary>
    /// <param name="stopping">Gives up.</param>
    /// <param name="tell">Told when a server that lets nobody in just now is waited for; null: it is not.</param>
    public async Task<DatabaseChoice> RecogniseAsync(CancellationToken stopping, Action<string>? tell = null)
    {
        var admission = new Admission(Address.Dialect, Address.Description, tell, TimeProvider.System);
        Dialect dialect;
        try
        {
            dialect = await admission.EnterAsync(() => Address.Dialect.OfServerAsync(Address.ConnectionString, stopping), stopping);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Whoever connects next meets the same error and tells it, with all else that is wrong; or is let in and asks.
            return this;
        }
        return dialect == Address.Dialect ? this : new(Address with { Dialect = dialect }, $"{Why}; the server says that it is a {dialect.Name}");
    }

    /// <summary>An address, or the name of the variable or file that holds it.</summary>
    private static DatabaseChoice FromText(string text, string where, Func<string, string?> environment)
    {
        if (text.StartsWith("env:", StringComparison.Ordinal) || text.StartsWith(FilePrefix, StringComparison.Ordinal))
        {
            if (DatabaseAddress.MayHoldPassword(text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..]))
                throw Error($"{where}: after env: stands the name of a variable, and after file: the path of a file, that holds the address. What stands there instead is not shown: it may hold a secret.");
        }
        if (text.StartsWith("env:", StringComparison.Ordinal))
        {
            var variable = text["env:".Length..];
            return environment(variable) is { Length: > 0 } value
                ? new(Parse(value, variable), $"from {variable}, as {where} says")
                : throw Error($"{where} {text}: the environment has no variable '{variable}'. Set it to the database's address.");
        }
        if (!text.StartsWith(FilePrefix, StringComparison.Ordinal)) return new(Parse(text, where), $"from {where}");
        var path = text[FilePrefix.Length..];
        try
        {
            var full = Path.GetFullPath(path);
            return new(Parse(() => DatabaseAddress.Parse(() => File.ReadAllText(full)), path), $"from file {path}, as {where} says");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Error($"{where} {text}: the file with the database's address cannot be read: {e.Message}");
        }
    }

    private static DatabaseAddress Parse(string text, string where) => Parse(() => DatabaseAddress.Parse(text), where);

    private static DatabaseAddress Parse(Func<DatabaseAddress> parse, string where)
    {
        try
        {
            return parse();
        }
        catch (FormatException e)
        {
            throw Error($"{where}: this is not a database address: {e.Message}.");
        }
    }

    private static PampaConfigurationException Error(string text) => new([text]);

    // Beside the source of a file-based program, which runs from a folder of the SDK's; else beside the program.
    private static string DefaultFile()
    {
        if (AppContext.GetData("EntryPointFilePath") is string source) return Path.ChangeExtension(source, ".db");
        return Path.Combine(AppContext.BaseDirectory, $"{AppDomain.CurrentDomain.FriendlyName}.db");
    }
}
