using System.Data.Common;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>What a job's own selection has named.</summary>
/// <param name="Keys">Keys in its order, each once.</param>
/// <param name="Misfits">What is no key of the table, for people.</param>
/// <param name="Rows">How many rows or texts it returned: a join names the same record for each of its tags, and they fill its LIMIT.</param>
internal sealed record Named(IReadOnlyList<TaskKey> Keys, IReadOnlyList<string> Misfits, int Rows)
{
    public int Count => Keys.Count + Misfits.Count;

    /// <summary>Of all the rows that came, which may name a record again and again.</summary>
    public static Named Of(List<TaskKey> keys, List<string> misfits) => new([.. keys.Distinct()], misfits, keys.Count + misfits.Count);
}

/// <summary>The program's own selection: a statement, or code.</summary>
internal sealed partial class TaskStore
{
    private static readonly TimeSpan LongestCode = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestLook = TimeSpan.FromSeconds(5);

    /// <summary>The connections for the program's own code; null: those of the store.</summary>
    public DbDataSource? Handlers { get; private set; }

    /// <summary>What the program's selection names, if so many records are wanted.</summary>
    /// <exception cref="SnippetException">It fails, takes too long or names nothing that could be a key.</exception>
    public Task<Named> SelectAsync(int max, TimeProvider time, CancellationToken stopping) => Job.Selecting!.KeysAsync is { } keysAsync
        ? ByCodeAsync(keysAsync, max, LongestCode, time, stopping)
        : ByStatementAsync(max, stopping);

    /// <summary>The same for somebody who only looks and does not wait for long, whatever the program's code does.</summary>
    public async Task<Named> LookAtSelectionAsync(int max, CancellationToken stopping)
    {
        if (Job.Selecting!.KeysAsync is not { } keysAsync) return await ByStatementAsync(max, stopping);
        try
        {
            return await Task.Run(() => ByCodeAsync(keysAsync, max, LongestLook, TimeProvider.System, stopping), stopping).WaitAsync(2 * LongestLook, stopping);
        }
        catch (TimeoutException e)
        {
            throw new SnippetException($"its Select did not end within {2 * LongestLook:c}", e);
        }
    }

    private async Task<Named> ByCodeAsync(
        Func<SelectContext, CancellationToken, Task<IEnumerable<string>>> keysAsync, int max, TimeSpan longest, TimeProvider time, CancellationToken stopping)
    {
        using var deadline = new CancellationTokenSource(longest, time);
        using var until = CancellationTokenSource.CreateLinkedTokenSource(stopping, deadline.Token);
        try
        {
            var texts = await keysAsync(new SelectContext(Job.Name, max, Handlers ?? database.Source), until.Token)
                ?? throw new SnippetException("its Select returned null instead of keys; return an empty list for none");
            // It may be a query that runs only now, and without an end.
            return Parse(texts.Take(Limits.NamedRows));
        }
        catch (Exception e) when (e is not SnippetException && !(e is OperationCanceledException && stopping.IsCancellationRequested))
        {
            throw new SnippetException(deadline.IsCancellationRequested
                ? $"its Select did not end within {longest:c}: {e.Message}"
                : $"its Select throws {e.GetType().Name}: {e.Message}", e);
        }
    }

    private Named Parse(IEnumerable<string?> texts)
    {
        var keys = new List<TaskKey>();
        var misfits = new List<string>();
        foreach (var text in texts)
        {
            if (text is not null && TryParseKey(text, out var key) && MayBeKey(text)) keys.Add(key);
            else misfits.Add(text ?? "null");
        }
        return Named.Of(keys, misfits);
    }

    // The database would refuse the statement for such a one, and with it the others.
    private bool MayBeKey(string text)
    {
        if (database.Dialect.KnowsNoTypes) return true;
        var parts = Table.Key.Count == 1 ? [text] : KeyText.Split(text);
        return parts.Zip(Table.Key).All(p => ColumnTypes.MayRead(p.Second, p.First));
    }

    /// <summary>The program's statement with its values.</summary>
    public Statement SelectStatement(int max)
    {
        var parameters = new List<(string Name, object? Value)>();
        var statement = new Statement(Rendered(Job.Selecting!.Statement, "Select", "select", parameters)!);
        statement.Parameters.AddRange(parameters);
        return statement.With("n", max);
    }

    private async Task<Named> ByStatementAsync(int max, CancellationToken stopping)
    {
        var statement = SelectStatement(max);
        try
        {
            return await database.LookAsync(unit => unit.ReadAsync(statement, ReadNamedAsync), stopping, LookFor.Selection);
        }
        catch (Exception e) when (e is not SnippetException && stopping.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, stopping);
        }
        catch (Exception e) when (WhyNot(e) is { } why)
        {
            throw new SnippetException($"its Select {why}", e);
        }
    }

    // What the database says of a statement of somebody else's may look as if the database itself were ill.
    private string? WhyNot(Exception error) => database.Dialect.Misuse(error)
        ?? (error is DbException && database.Dialect.Classify(error) is ErrorKind.Schema or ErrorKind.Data or ErrorKind.Other ? $"fails: {error.Message}" : null);

    private async Task<Named> ReadNamedAsync(DbDataReader reader, CancellationToken stopping)
    {
        var at = KeyColumns(reader);
        var keys = new List<TaskKey>();
        var misfits = new List<string>();
        while (keys.Count + misfits.Count < Limits.NamedRows && await reader.ReadAsync(stopping))
        {
            if (at.Any(reader.IsDBNull)) misfits.Add("NULL");
            else
            {
                try
                {
                    keys.Add(new TaskKey([.. at.Select((ordinal, i) => database.Dialect.ReadNamedPart(reader, ordinal, Table.Key[i]))]));
                }
                catch (Exception e) when (e is InvalidCastException or OverflowException or FormatException or NotSupportedException)
                {
                    misfits.Add(e.Message);
                }
            }
        }
        return Named.Of(keys, misfits);
    }

    /// <summary>Where the columns of the key stand: found by their names, else they are all that there is.</summary>
    private int[] KeyColumns(DbDataReader reader)
    {
        var names = Enumerable.Range(0, reader.FieldCount).Select(reader.GetName).ToList();
        int[] at = [.. Table.Key.Select(k => names.IndexOf(k.Name) is var exact and >= 0
            ? exact
            : names.FindIndex(n => string.Equals(n, k.Name, StringComparison.OrdinalIgnoreCase)))];
        if (at.All(i => i >= 0)) return at;
        if (names.Count == at.Length) return [.. Enumerable.Range(0, at.Length)];
        throw new SnippetException($"its Select must return the key ({string.Join(", ", Table.Key.Select(k => k.Name))}), got {(names.Count == 0 ? "nothing" : string.Join(", ", names))}");
    }

    /// <summary>Lets the database read the program's statement, and looks whether what it returns can be keys.</summary>
    /// <exception cref="SnippetException">It cannot.</exception>
    public async Task ProbeSelectAsync(CancellationToken stopping)
    {
        var statement = SelectStatement(0);
        try
        {
            await database.LookAsync(unit => unit.ReadAsync(statement, (reader, _) =>
            {
                CheckTypes(reader, KeyColumns(reader));
                return Task.FromResult(true);
            }), stopping, LookFor.Selection);
        }
        catch (Exception e) when (!stopping.IsCancellationRequested && database.Dialect.Misuse(e) is { } why)
        {
            throw new SnippetException($"its Select {why}", e);
        }
    }

    private void CheckTypes(DbDataReader reader, int[] at)
    {
        // Without a record SQLite does not know of what type its values will be.
        if (database.Dialect.KnowsNoTypes) return;
        for (var i = 0; i < at.Length; i++)
        {
            var type = reader.GetFieldType(at[i]);
            if (!ColumnTypes.MayHold(Table.Key[i].Kind, type))
                throw new SnippetException($"its Select returns {reader.GetName(at[i])} of type {reader.GetDataTypeName(at[i])}, which is no value of the key's column '{Table.Key[i].Name}' ({Table.Key[i].Type})");
        }
    }

    /// <summary>Those of the named records that would be reserved, in order.</summary>
    public Task<List<PreviewedTask>> PreviewNamedAsync(Database.Unit unit, IReadOnlyList<TaskKey> named)
    {
        var at = Table.Key.Count;
        return unit.QueryAsync(OfNamed(Sql.PreviewNamed, named).With("want", named.Count), reader => ReadPreviewed(reader, at));
    }

    /// <summary>The guarded statement for named records, as it picks them, with its values.</summary>
    public Statement PickNamedStatement(IReadOnlyList<TaskKey> named) =>
        OfNamed(where => Sql.ReservePickNamed(where, null), named, isByKey: true).With("want", PickedRows);

    private Statement OfNamed(Func<string?, string> text, IReadOnlyList<TaskKey> named, bool isByKey = false)
    {
        var common = Statement("");
        var statement = new Statement(text(Where(common.Parameters))) { IsByKey = isByKey };
        statement.Parameters.AddRange(common.Parameters);
        BindNamed(statement, named);
        return statement;
    }

    private void BindNamed(Statement statement, IReadOnlyList<TaskKey> named) =>
        database.Dialect.Bind(statement, Sql.NamedRows, [.. named.Select((key, i) => Row(key, Text(i)))]);

    /// <summary>
    /// Whether somebody holds a record, one is to be tried again within the horizon, or the program's selection names one that can be
    /// reserved within it.
    /// </summary>
    private async Task<bool> IsAnythingNamedAsync(TimeSpan horizon, CancellationToken stopping)
    {
        if ((await database.QueryAsync(Asked(Sql.IsAnythingHeld).With("horizon", horizon.TotalSeconds), reader => Flag(reader, 0), stopping))[0]) return true;
        var named = await LookAtSelectionAsync(Limits.StatementRows, stopping);
        return await IsAnyOpenAsync(named.Keys, horizon, stopping);
    }

    /// <summary>Whether one of the named records is held, or can be reserved now or within a horizon.</summary>
    public Task<bool> IsAnyOpenAsync(IReadOnlyList<TaskKey> named, TimeSpan horizon, CancellationToken stopping) =>
        IsAnyOpenAsync(named, horizon, new Tries(), stopping);

    // A key that is no value of its column is none: it is found by halving. Of very many, not all.
    private async Task<bool> IsAnyOpenAsync(IReadOnlyList<TaskKey> named, TimeSpan horizon, Tries tries, CancellationToken stopping)
    {
        if (named.Count == 0 || !tries.Take()) return false;
        try
        {
            var statement = OfNamed(Sql.IsAnyNamedOpen, named, isByKey: true).With("horizon", horizon.TotalSeconds);
            return (await database.QueryAsync(statement, reader => Flag(reader, 0), stopping))[0];
        }
        catch (Exception e) when (database.Dialect.Classify(e) == ErrorKind.Data)
        {
            if (named.Count == 1) return false;
            var half = named.Count / 2;
            return await IsAnyOpenAsync([.. named.Take(half)], horizon, tries, stopping)
                || await IsAnyOpenAsync([.. named.Skip(half)], horizon, tries, stopping);
        }
    }

    /// <summary>Those of the named records that would be reserved, in order; a key that is no value of its column is none of them.</summary>
    public Task<List<PreviewedTask>> EligibleAsync(IReadOnlyList<TaskKey> named, CancellationToken stopping) => EligibleAsync(named, new Tries(), stopping);

    private async Task<List<PreviewedTask>> EligibleAsync(IReadOnlyList<TaskKey> named, Tries tries, CancellationToken stopping)
    {
        if (named.Count == 0 || !tries.Take()) return [];
        try
        {
            return await database.LookAsync(unit => PreviewNamedAsync(unit, named), stopping, LookFor.Keys);
        }
        catch (Exception e) when (database.Dialect.Classify(e) == ErrorKind.Data)
        {
            if (named.Count == 1) return [];
            var half = named.Count / 2;
            return [.. await EligibleAsync([.. named.Take(half)], tries, stopping), .. await EligibleAsync([.. named.Skip(half)], tries, stopping)];
        }
    }

    /// <summary>How many statements a search may take.</summary>
    private sealed class Tries
    {
        private int left = 200;

        public bool Take() => left-- > 0;
    }
}
