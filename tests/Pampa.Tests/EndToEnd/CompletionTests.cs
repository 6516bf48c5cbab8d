using Pampa.Servers;

namespace Pampa.Tests.EndToEnd;

/// <summary>Shells in which somebody types the beginning of a word and the key for the rest of it.</summary>
public sealed class CompletionTests(ProgramFixture programs)
{
    private static CancellationToken Stopping => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/bin/bash", "rc", "PS1='ready> '", "--noprofile", "--rcfile", "rc", "-i")]
    [InlineData("/usr/bin/zsh", ".zshrc", "PROMPT='ready> '; autoload -U compinit; compinit -u -D", "-i")]
    public async Task A_shell_completes_a_verb_a_job_and_an_option_of_a_program(string shell, string settings, string prompt, params string[] arguments)
    {
        if (TerminalChild.WhyNot is { } reason) Assert.Skip(reason);
        Assert.SkipUnless(File.Exists(shell), $"{shell} is missing (apt-get install {Path.GetFileName(shell)}).");
        var (program, folder) = (await programs.BuiltAsync(ProgramFixture.Numbers), programs.NewFolder());
        // The program answers the shell, and whatever else it is told to do is written down.
        var between = Path.Combine(folder, "numbers");
        await File.WriteAllTextAsync(between, $"""
            #!/bin/sh
            case "$1" in '[suggest:'*|completion) exec '{program}' "$@" ;; esac
            printf '%s\n' "$@" >'{folder}/told.new' && mv '{folder}/told.new' '{folder}/told'

            """, Stopping);
        await programs.RunAsync("chmod", "+x", between);
        await File.WriteAllTextAsync(Path.Combine(folder, settings), $"{prompt}\nsource <(numbers completion {Path.GetFileName(shell)})\n", Stopping);

        await using var typed = TerminalChild.Start(
            shell, folder, 100, arguments, ("HOME", folder), ("ZDOTDIR", folder), ("PATH", $"{folder}:{Environment.GetEnvironmentVariable("PATH")}")).Read();
        await typed.SeeAsync("ready> ");
        await typed.TypeAsync("numbers err\tsea\t--js\t\r");
        var told = Path.Combine(folder, "told");
        await typed.UntilAsync(() => Task.FromResult(File.Exists(told)), "the program is started");
        Assert.Equal(["errors", "search_odd_numbers", "--json"], await File.ReadAllLinesAsync(told, Stopping));
    }

    [Theory]
    [InlineData("numbers err", "errors")]
    [InlineData("numbers errors sea", "search_odd_numbers")]
    [InlineData("numbers schedules ", "pause")]
    [InlineData("$x = 1; echo 1 | numbers errors --js", "--json")]
    [InlineData("& ~/numbers errors search_odd_numbers  --js", "--json")]
    [InlineData("numbers errors search_odd_numbers --db 'x y' --js", "--json")]
    public async Task Powershell_completes_what_is_typed_wherever_it_stands(string typed, string expected)
    {
        var tools = Path.Combine(ProgramFixture.Root, "tests");
        var isThere = await Tool.TryRunAsync("env", "-C", tools, "dotnet", "tool", "run", "pwsh", "--", "-Version") == 0;
        Assert.SkipUnless(isThere, $"PowerShell is missing (in {tools}: dotnet tool restore).");
        var (program, folder) = (await programs.BuiltAsync(ProgramFixture.Numbers), programs.NewFolder());
        var (script, between) = (Path.Combine(folder, "complete.ps1"), Path.Combine(folder, "numbers"));
        await File.WriteAllTextAsync(between, $"#!/bin/sh\nexec '{program}' \"$@\"\n", Stopping);
        await programs.RunAsync("chmod", "+x", between);
        await File.WriteAllTextAsync(script, $$"""
            numbers completion pwsh | Out-String | Invoke-Expression
            $typed = '{{typed.Replace("'", "''", StringComparison.Ordinal)}}'
            (TabExpansion2 $typed $typed.Length).CompletionMatches.CompletionText
            """, Stopping);
        // A name that begins with ~ is looked for in the home folder, and the tool in that of whoever runs the test.
        var said = await programs.RunAsync(
            "env", "-C", tools, $"HOME={folder}", $"DOTNET_CLI_HOME={Environment.GetEnvironmentVariable("HOME")}",
            $"PATH={folder}:{Environment.GetEnvironmentVariable("PATH")}", "dotnet", "tool", "run", "pwsh", "--", "-NoProfile", "-File", script);
        var found = said.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(expected, found);
        // What does not begin like that has no place among them.
        if (!typed.EndsWith(' ')) Assert.Single(found);
    }
}
