using Pampa.Ssh.Connecting;

namespace Pampa.Ssh.Tests.Servers;

/// <summary>Attempts to log in.</summary>
internal static class Logins
{
    /// <summary>How long a step may take.</summary>
    public static readonly SshOrder Short = new(TimeSpan.FromSeconds(20));

    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    /// <summary>Logs in. Returns as whom.</summary>
    public static async Task<string> WhoAsync(SshNode node, bool trustsNew = false, Action<string>? tell = null)
    {
        await using var connection = await SshConnection.OpenAsync(node, trustsNew, tell ?? (_ => { }), Stopping);
        return (await connection.RunAsync("id", ["id", "-un"], Short, Stopping)).Output.Trim();
    }

    /// <summary>Why nobody is let in.</summary>
    public static async Task<string> RefusedAsync(SshNode node) =>
        (await Assert.ThrowsAsync<NodeException>(() => SshConnection.OpenAsync(node, false, _ => { }, Stopping))).Message;
}
