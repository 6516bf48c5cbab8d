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
    ]);
}
