using Pampa.Hosting;
using Pampa.Storage;

namespace Pampa;

/// <summary>The database that a verb was given: for people to read, and for a package that hands it on.</summary>
public sealed class VerbDatabase
{
    private readonly DatabaseChoice choice;

    internal VerbDatabase(DatabaseChoice choice) => this.choice = choice;

    /// <summary>Where it is; never a password.</summary>
    public string Description => choice.Address.Description;

    /// <summary>Why it is this one, for example <c>from PAMPA_DATABASE_URL</c>.</summary>
    public string Why => choice.Why;

    /// <summary>Whether it is a file of this computer, which no other computer can reach.</summary>
    public bool IsFile => choice.Address.Dialect is SqliteDialect;

    /// <summary>
    /// The whole address, with its password: what <c>PAMPA_DATABASE_URL</c> could hold. For nothing that is printed, logged or put on a
    /// command line.
    /// </summary>
    public string Address => choice.Address.ConnectionString;

    /// <summary>
    /// Whether an address that stands where many read it, such as a program's text or a command line, carries a password, in whatever form: it
    /// is to be refused there.
    /// </summary>
    /// <param name="address">The address, valid or not.</param>
    public static bool HasPassword(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return DatabaseAddress.HasPassword(address);
    }

    /// <summary>
    /// An address of a server as the database's driver takes it: a URL becomes an ADO.NET connection string that says the same. It holds the
    /// password, if there is one.
    /// </summary>
    /// <param name="address">The address itself, not where it stands.</param>
    /// <returns>Null: it is not valid, or is that of a file.</returns>
    public static string? ToConnectionString(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        try
        {
            var read = DatabaseAddress.Parse(address);
            return read.Dialect is SqliteDialect ? null : read.ConnectionString;
        }
        catch (FormatException)
        {
            // What is wrong with it tells whoever connects there.
            return null;
        }
    }

    /// <summary>The <see cref="Description"/>.</summary>
    public override string ToString() => Description;
}
