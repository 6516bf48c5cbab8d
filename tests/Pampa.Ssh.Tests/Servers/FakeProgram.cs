using Pampa.Servers;

namespace Pampa.Ssh.Tests.Servers;

/// <summary>A program as small as can be, in a folder as it is published into.</summary>
internal static class FakeProgram
{
    public const string Name = "fake";

    /// <summary>One that runs until it is told to end, and writes its arguments into its log.</summary>
    public static Task<string> MakeAsync(SshWorld world, string more = "") => MakeAsync(world, more, """
        echo "$0 $*" >> "$HOME/started"
        trap 'echo "asked to end" >> "$HOME/started"; exit 0' TERM
        while :; do sleep 0.1; done
        """);

    /// <summary>One that does what a script says.</summary>
    public static async Task<string> MakeAsync(SshWorld world, string more, string script)
    {
        var folder = world.NewFolder();
        var file = Path.Combine(folder, Name);
        await File.WriteAllTextAsync(file, $"#!/bin/sh\n# {more}\n{script}\n");
        await File.WriteAllTextAsync(Path.Combine(folder, $"{Name}.runtimeconfig.json"), "{}");
        await Tool.RunAsync("chmod", "755", file);
        return folder;
    }
}
