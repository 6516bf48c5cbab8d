using System.Globalization;

namespace Pampa.Ssh.Remote;

/// <summary>How the program is started on a node.</summary>
/// <param name="Program">The program's file in its release.</param>
/// <param name="Arguments">What it is given.</param>
internal sealed record Launch(string Program, IReadOnlyList<string> Arguments)
{
    /// <summary>Of a node, whose folder is there.</summary>
    public static Launch Of(SshNode node, string program, string folder) => new(program,
    [
        "node", "--name", node.Name, "--plain", "--log", $"{folder}/log/", "--db", $"file:{folder}/database", .. node.IsIsolated ? ["--isolated"] : Array.Empty<string>(),
        .. Limit("--max-ram", node.Limits?.MaxRam), .. Limit("--max-cpu", node.Limits?.MaxCpu),
        .. Limit("--max-disk-io", node.Limits?.MaxDiskIo), .. Limit("--max-net-io", node.Limits?.MaxNetIo),
    ]);

    // Also where another program is delivered than the one that declares the node.
    private static string[] Limit(string option, int? value) => value is { } amount ? [option, amount.ToString(CultureInfo.InvariantCulture)] : [];
}
