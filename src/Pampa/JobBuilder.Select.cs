using System.Runtime.CompilerServices;
using Pampa.Jobs;

namespace Pampa;

/// <content>Which records are done next, where condition and order do not say it.</content>
public sealed partial class JobBuilder
{
    private Func<Sql>? selectStatement;
    private Func<SelectContext, CancellationToken, Task<IEnumerable<string>>>? selectKeys;

    /// <summary>
    /// A whole statement that names the records to do next, in order: <c>$"SELECT value FROM numbers WHERE … ORDER BY value DESC
    /// LIMIT @n"</c>. It only chooses: whatever it names is reserved only if it is pending and matches <see cref="Where"/>, by the
    /// same guarded statement as ever. It is run when workers run low, in a transaction that changes nothing, and has 30 s. What
    /// goes wrong with it is told in one line, and it is tried again after 30 s. A statement that names only records which cannot
    /// be reserved is told of in one line and asked the more seldom, at least every 30 s. Default: none; the records that match <see
    /// cref="Where"/>, in the order of <see cref="OrderBy"/>.
    /// </summary>
    /// <param name="statement">
    /// Returns the columns of the key: by their names, or just these columns in the key's order. It must say <c>@n</c>, the number of
    /// records that are wanted (see <see cref="SelectContext.Max"/>). Each value in braces becomes a parameter.
    /// </param>
    public void Select(Sql statement)
    {
        ArgumentNullException.ThrowIfNull(statement);
        SelectEachCycle(() => statement);
    }

    /// <summary>As <see cref="Select(Sql)"/>, with values that are taken anew for every run.</summary>
    /// <param name="statement">Called often: it must be quick and must not throw.</param>
    public void SelectEachCycle(Func<Sql> statement)
    {
        ArgumentNullException.ThrowIfNull(statement);
        SelectsOnce();
        selectStatement = statement;
    }

    /// <summary>
    /// Code that names the records to do next, in order. It only chooses: whatever it names is reserved only if it is pending and
    /// matches <see cref="Where"/>; keys of records that are held, have ended or are not there, and texts that are no keys, are passed
    /// by. The leader calls it when workers run low, beside its own work and never twice at the same time; <c>preview</c>,
    /// <c>explain</c> and <c>doctor</c> call it, too, so it must change nothing. What it throws is told in one line, and it is
    /// called again after 30 s; other jobs go on. Code that names only records which cannot be reserved is told of in one line and
    /// called the more seldom, at least every 30 s.
    /// </summary>
    /// <param name="keys">Returns keys as <see cref="PampaTask.Key"/> has them; 10,000 are looked at.</param>
    [OverloadResolutionPriority(0)]
    public void Select(Func<SelectContext, IEnumerable<string>> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        Select((context, _) => Task.FromResult(keys(context)));
    }

    /// <inheritdoc cref="Select(Func{SelectContext, IEnumerable{string}})"/>
    /// <param name="keysAsync">
    /// Returns keys as <see cref="PampaTask.Key"/> has them; 10,000 are looked at. Its token is cancelled when the program stops, and
    /// after a minute.
    /// </param>
    [OverloadResolutionPriority(1)]
    public void Select(Func<SelectContext, CancellationToken, Task<IEnumerable<string>>> keysAsync)
    {
        ArgumentNullException.ThrowIfNull(keysAsync);
        SelectsOnce();
        selectKeys = keysAsync;
    }

    private void SelectsOnce()
    {
        if (selectStatement is not null || selectKeys is not null)
            errors.Add("Select is called twice; a job has one selection: put both into one statement, or return the keys of both from one function");
    }

    private Selecting? Selecting() => selectStatement is null && selectKeys is null
        ? null
        : new Selecting { Statement = selectStatement, KeysAsync = selectKeys };
}
