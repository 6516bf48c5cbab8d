using Pampa.Storage;

namespace Pampa.Hosting;

/// <summary>Which database a program uses, and why: the first line that it prints.</summary>
internal sealed record DatabaseChoice(DatabaseAddress Address, string Why)
{
    private const string UrlVariable = "PAMPA_DATABASE_URL";
    private const string ConnectionVariable = "ConnectionStrings__Pampa";
    private const string SettingVariable = "Pampa__Database";

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
            if (environment(variable) is { Length: > 0 } text) return new(Parse(text, variable), $"from {variable}");
        }
        return code is { Length: > 0 } ? FromText(code, "the program's Database", environment) : null;
    }

    /// <summary>
    /// The same with the dialect of the server that answers there: an address of PostgreSQL's kind may lead to a CockroachDB.
    /// </summary>
    public async Task<DatabaseChoice> RecogniseAsync(CancellationToken stopping)
    {
        var dialect = await Address.Dialect.OfServerAsync(Address.ConnectionString, stopping);
        return dialect == Address.Dialect ? this : new(Address with { Dialect = dialect }, $"{Why}; the server says that it is a {dialect.Name}");
    }

    /// <summary>An address, or the name of the variable or file that holds it.</summary>
    private static DatabaseChoice FromText(string text, string where, Func<string, string?> environment)
    {
        if (text.StartsWith("env:", StringComparison.Ordinal) || text.StartsWith("file:", StringComparison.Ordinal))
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
        if (!text.StartsWith("file:", StringComparison.Ordinal)) return new(Parse(text, where), $"from {where}");
        var path = text["file:".Length..];
        try
        {
            return new(Parse(File.ReadAllText(path), path), $"from file {path}, as {where} says");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Error($"{where} {text}: the file with the database's address cannot be read: {e.Message}");
        }
    }

    private static DatabaseAddress Parse(string text, string where)
    {
        try
        {
            return DatabaseAddress.Parse(text);
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
