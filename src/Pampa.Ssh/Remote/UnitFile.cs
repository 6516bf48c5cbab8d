using System.Globalization;

namespace Pampa.Ssh.Remote;

/// <summary>A node as a service of systemd: it is told when the node is ready and that it lives, and starts it again when it dies.</summary>
internal sealed record UnitFile
{
    // A loop of the program that stands still ends it by itself after two minutes; this is for a process that does not come that far.
    private const int WatchdogSeconds = 60;

    // Beyond the time that running tasks have: results are written, ids given up.
    private static readonly TimeSpan EndTime = TimeSpan.FromSeconds(90);

    public required string Node { get; init; }

    /// <summary>The node's folder, absolute.</summary>
    public required string Folder { get; init; }

    public required Launch Launch { get; init; }

    /// <summary>How long running tasks may go on when the node is told to stop.</summary>
    public required TimeSpan ShutdownTimeout { get; init; }

    /// <summary>Who runs it; null: root, or whose systemd it is.</summary>
    public string? User { get; init; }

    /// <summary>Whether it is for the systemd of a user.</summary>
    public bool IsOfUser { get; init; }

    /// <summary>Whether the node has no ICU library.</summary>
    public bool LacksIcu { get; init; }

    /// <summary>The name of the service of a node.</summary>
    public static string NameOf(string cluster, string node) => $"pampa-{cluster}-{node}.service";

    /// <summary>The unit's text.</summary>
    public string Text()
    {
        var stop = ((long)(ShutdownTimeout + EndTime).TotalSeconds).ToString(CultureInfo.InvariantCulture);
        var command = string.Join(' ', ((string[])[$"{Folder}/current/{Launch.Program}", .. Launch.Arguments]).Select(Quote));
        string[] lines =
        [
            "[Unit]",
            $"Description=Pampa node {Node}",
            "Wants=network-online.target",
            "After=network-online.target",
            // However long the database is away.
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            "Type=notify",
            "NotifyAccess=main",
            $"ExecStart={command}",
            $"WorkingDirectory={Path}/work",
            // What it says of an end is where a detached start puts it, for whoever has started it by SSH and may not read the journal. The program
            // itself keeps the file short while it lives; this is for a loop of ends that do not come so far.
            $"ExecStartPre=-/bin/sh -c {Quote("find \"$0\" -size +1024k -exec rm -f {} +")} {Quote($"{Folder}/log/errors.log")}",
            $"StandardError=append:{Path}/log/errors.log",
            // Without the library a program of .NET that has not been told so does not start at all.
            .. LacksIcu ? ["Environment=DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1"] : Array.Empty<string>(),
            .. User is { } user ? [$"User={user}"] : Array.Empty<string>(),
            // It waits for a database that lets nobody in; that is no reason to end it.
            "TimeoutStartSec=infinity",
            $"WatchdogSec={WatchdogSeconds.ToString(CultureInfo.InvariantCulture)}",
            "Restart=on-failure",
            "RestartSec=5",
            // The node itself tells what it has started to end.
            "KillMode=mixed",
            $"TimeoutStopSec={stop}",
            .. Launch.HasLimits ? ["Delegate=yes"] : Array.Empty<string>(),
            "NoNewPrivileges=yes",
            "UMask=0077",
            "",
            "[Install]",
            $"WantedBy={(IsOfUser ? "default" : "multi-user")}.target",
            "",
        ];
        return string.Join('\n', lines);
    }

    private string Path => Folder.Replace("%", "%%", StringComparison.Ordinal);

    private static string Quote(string word)
    {
        var text = word.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        return $"\"{text.Replace("%", "%%", StringComparison.Ordinal).Replace("$", "$$", StringComparison.Ordinal)}\"";
    }
}
