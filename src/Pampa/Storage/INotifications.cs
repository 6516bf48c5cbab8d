using System.Data.Common;

namespace Pampa.Storage;

/// <summary>Messages that a database sends to whoever listens on a connection.</summary>
internal interface INotifications
{
    /// <summary>
    /// Opens connections that are closed when they are given back: one that listens goes on doing so, and one that is
    /// half dead stays half dead.
    /// </summary>
    DbDataSource Open(string connectionString, string applicationName);

    /// <summary>An expression, the name of a channel: of this schema and the cluster <c>@cluster</c> alone.</summary>
    string Channel(string topic);

    /// <summary>Listens; each message is given on while <see cref="WaitAsync"/> waits.</summary>
    Task ListenAsync(DbConnection connection, string channel, Action<string> heard, CancellationToken stopping);

    /// <summary>Waits for the next message.</summary>
    Task WaitAsync(DbConnection connection, CancellationToken stopping);

    /// <summary>Whether a statement was refused only because too many messages wait for somebody who does not read them.</summary>
    bool IsFull(Exception error);

    /// <summary>Makes the function that the triggers of <see cref="Trigger"/> call.</summary>
    string TriggerFunction { get; }

    /// <summary>Whether it is there.</summary>
    Task<bool> HasTriggerFunctionAsync(IReader database, CancellationToken stopping);

    /// <summary>A trigger that sends a message when a statement has inserted into a table.</summary>
    string Trigger(TableInfo table, string name, string channel, string message);

    /// <summary>Whether a table has a trigger of that name.</summary>
    Task<bool> HasTriggerAsync(IReader database, TableInfo table, string name, CancellationToken stopping);
}
