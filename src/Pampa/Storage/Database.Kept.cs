using System.Data.Common;

namespace Pampa.Storage;

/// <summary>The connection that is kept for the statement that new records wait for.</summary>
internal sealed partial class Database
{
    private readonly KeptConnection? kept = source is PreparingDataSource { Keeps: true } own ? new KeptConnection(own.OpenKeptAsync, dialect) : null;

    /// <summary>Closes that connection until such a statement comes again: this process runs none for a while.</summary>
    public void LetGo() => kept?.LetGo();

    private async Task<List<T>> RunKeptAsync<T>(Statement statement, Func<DbDataReader, T> map, CancellationToken stopping)
    {
        var text = Rewrite?.Invoke(statement.Text) ?? statement.Text;
        var deadline = statement.Deadline < Deadline ? statement.Deadline.Value : Deadline;
        try
        {
            if (await kept!.RunAsync(statement, text, (reader, token) => RowsAsync(reader, map, token), deadline, stopping) is { } rows) return rows;
        }
        catch (Exception e) when (e is DbException or TimeoutException)
        {
            Note(e, statement);
            throw;
        }
        return await ConnectedAsync(connection => RunAsync(connection, null, statement, map, stopping), stopping);
    }
}
