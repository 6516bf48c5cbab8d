using System.Data.Common;

namespace Pampa.Storage;

/// <summary>The connection that is kept for the statement that new records wait for.</summary>
internal sealed partial class Database
{
    private readonly KeptConnection? kept = source is PreparingDataSource { Keeps: true } own ? new KeptConnection(own.OpenKeptAsync, dialect, time) : null;

    /// <summary>Closes that connection until such a statement comes again: this process runs none for a while, or it may not stand any more.</summary>
    public void LetGo() => kept?.LetGo();

    private async Task<List<T>> RunKeptAsync<T>(Statement statement, Func<DbDataReader, T> map, CancellationToken stopping)
    {
        var text = Rewrite?.Invoke(statement.Text) ?? statement.Text;
        var run = new KeptRun<List<T>>(
            statement.Deadline < Deadline ? statement.Deadline.Value : Deadline, (reader, token) => RowsAsync(reader, map, token), e => Note(e, statement));
        return await kept!.RunAsync(statement, text, run, stopping)
            ?? await ConnectedAsync(connection => RunAsync(connection, null, statement, map, stopping), stopping);
    }
}
