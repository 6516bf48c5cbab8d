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
}
