using Pampa.Storage;

namespace Pampa.Commands;

/// <summary>Which database a program uses, and why: the first line that it prints.</summary>
internal sealed record DatabaseChoice(DatabaseAddress Address, string Why)
{
    private const string UrlVariable = "PAMPA_DATABASE_URL";
    private const string ConnectionVariable = "ConnectionStrings__Pampa";

    /// <summary>
    /// Chooses: --db, then PAMPA_DATABASE_URL, then ConnectionStrings__Pampa, else a SQLite file beside the program.
    /// </summary>
    /// <exception cref="PampaConfigurationException">The address cannot be used; the text never holds it.</exception>
    public static DatabaseChoice Choose(string? option, Func<string, string?> environment)
    {
        if (option is not null) return FromOption(option, environment);
        foreach (var variable in (string[])[UrlVariable, ConnectionVariable])
        {
            if (environment(variable) is { Length: > 0 } text) return new(Parse(text, variable), $"from {variable}");
        }
        return new(DatabaseAddress.SqliteFile(DefaultFile()), $"the default; set {UrlVariable} or --db for another");
    }

    private static DatabaseChoice FromOption(string option, Func<string, string?> environment)
    {
        if (option.StartsWith("env:", StringComparison.Ordinal))
        {
            var variable = option["env:".Length..];
            var text = environment(variable);
            return text is { Length: > 0 }
                ? new(Parse(text, variable), $"from {variable}, as --db says")
                : throw Error($"--db {option}: the environment has no variable '{variable}'. Set it to the database's address.");
        }
        if (option.StartsWith("file:", StringComparison.Ordinal))
        {
            var path = option["file:".Length..];
            try
            {
                return new(Parse(File.ReadAllText(path), path), $"from file {path}, as --db says");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Error($"--db {option}: the file with the database's address cannot be read: {e.Message}");
            }
        }
        if (DatabaseAddress.HasPassword(option))
        {
            throw Error("--db: a password on the command line can be read by every user of this computer, so it is refused. "
                + $"Put the address into an environment variable or a file and say --db env:NAME or --db file:PATH, or set {UrlVariable}.");
        }
        return new(Parse(option, "--db"), "from --db");
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
