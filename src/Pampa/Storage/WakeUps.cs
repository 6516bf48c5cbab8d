using System.Security.Cryptography;
using System.Text;

namespace Pampa.Storage;

/// <summary>
/// What processes tell each other so that nobody waits for the end of an interval. Hints: they may be lost, come late or
/// twice, and whoever waits also looks by itself. Where the database sends no messages all of this does nothing.
/// </summary>
internal sealed class WakeUps(Database database, string cluster)
{
    /// <summary>To dispatchers: a job has new records. The message is its name.</summary>
    public const string Due = "due";

    /// <summary>To nodes: something was handed over. The message is the node's name.</summary>
    public const string HandOver = "hand";

    private readonly INotifications? notifications = database.Dialect.Notifications;

    /// <summary>Whether the database sends messages at all.</summary>
    public bool AreSupported => notifications is not null;

    /// <summary>The name of a topic's channel; null where the database sends no messages.</summary>
    public async Task<string?> ChannelAsync(string topic, CancellationToken stopping) => notifications is null
        ? null
        : (await database.QueryAsync(new Statement($"SELECT {notifications.Channel(topic)}").With("cluster", cluster), row => row.GetString(0), stopping))[0];

    /// <summary>Sends a topic's messages with one statement. It is never a part of another transaction: those that send wait for each other.</summary>
    public Task SendAsync(string topic, IReadOnlyCollection<string> messages, CancellationToken stopping) =>
        notifications is null || messages.Count == 0
            ? Task.CompletedTask
            : database.ExecuteAsync(
                new Statement($"SELECT pg_notify({notifications.Channel(topic)}, m) FROM unnest(@messages) AS m") { MayBeForgotten = true }
                    .With("cluster", cluster).With("messages", messages.ToArray()),
                stopping);

    /// <summary>
    /// The same as a hint: what it follows has taken effect, and must not look as if it had not because nobody can be told.
    /// </summary>
    public async Task HintAsync(string topic, IReadOnlyCollection<string> messages, CancellationToken stopping)
    {
        try
        {
            await SendAsync(topic, messages, stopping);
        }
        catch (Exception e) when (database.Dialect.Classify(e) != ErrorKind.Other)
        {
            // Those who would have been told look by themselves.
        }
    }

    /// <summary>
    /// The statements that make the table of a job which wants it tell of its inserts, as far as they are missing.
    /// </summary>
    public async Task<IReadOnlyList<string>> MissingAsync(JobTable job, CancellationToken stopping)
    {
        if (!job.Job.WakeOnInsert || notifications is null || await ChannelAsync(Due, stopping) is not { } channel) return [];
        var name = $"pampa_wake_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{channel} {job.Job.Name}")))[..16]}";
        if (await notifications.HasTriggerAsync(database, job.Table, name, stopping)) return [];
        // Somebody else's is as good, and only its owner could replace it.
        var hasFunction = await notifications.HasTriggerFunctionAsync(database, stopping);
        var trigger = notifications.Trigger(job.Table, name, channel, job.Job.Name);
        return hasFunction ? [trigger] : [notifications.TriggerFunction, trigger];
    }
}
