using System.CommandLine;

namespace Pampa.Commands;

/// <summary>
/// The verb <c>completion</c>: a script by which a shell completes the program's verbs, options and jobs. The shell asks the program itself
/// each time (<c>[suggest:POSITION] "LINE"</c>), so that the script is never out of date. Without a program there are no jobs to tell: for them
/// the database would have to be asked at each key, wherever it is.
/// </summary>
internal static class CompletionCommand
{
    private static readonly string[] Shells = ["bash", "zsh", "fish", "pwsh"];

    public static Command Create(Verb verb, string program)
    {
        var what = verb.IsPublished ? "verbs and options" : "verbs, options and jobs";
        var command = new VerbCommand("completion", $"Prints a script by which bash, zsh, fish or pwsh completes {what} of this program.")
        {
            Examples =
            [
                ("completion bash >> ~/.bashrc", "For every bash from then on."),
                ("completion pwsh >> $PROFILE", "The same for PowerShell."),
            ],
        };
        var shell = new Argument<string>("shell") { Description = $"{string.Join(", ", Shells[..^1])} or {Shells[^1]}." };
        shell.AcceptOnlyFromAmong(Shells);
        command.Arguments.Add(shell);
        command.SetAction(async (parsed, _) =>
        {
            await verb.Output.WriteLineAsync(Script(parsed.GetValue(shell)!, program));
            return Hosting.ExitCode.Done;
        });
        return command;
    }

    /// <summary>The script of a shell for a program of that name.</summary>
    public static string Script(string shell, string program)
    {
        // A name may have dots and dashes, and a function of a shell may not.
        var function = $"_{new string([.. program.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_')])}_complete";
        return shell switch
        {
            "bash" => $$"""
                {{function}}() {
                  local IFS=$'\n' program=${COMP_WORDS[0]}
                  # What is typed stands there as it is typed.
                  [[ $program == '~/'* ]] && program=$HOME/${program#'~/'}
                  [[ $program == '$HOME/'* ]] && program=$HOME/${program#'$HOME/'}
                  COMPREPLY=($(compgen -W "$("$program" "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
                }
                complete -o default -F {{function}} '{{Quoted(program)}}'
                """,
            "zsh" => $$"""
                {{function}}() {
                  local -a found
                  local program=${words[1]}
                  [[ $program == '~/'* ]] && program=$HOME/${program#'~/'}
                  [[ $program == '$HOME/'* ]] && program=$HOME/${program#'$HOME/'}
                  found=("${(@f)$("$program" "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
                  compadd -a found
                }
                compdef {{function}} '{{Quoted(program)}}'
                """,
            // No command may be what another one prints, but it may be what a variable holds.
            "fish" => $"""
                function {function}
                  set -l words (commandline -opc)
                  set -l line (commandline -pc)
                  set -l program (string replace -r '^(~|\$HOME)/' "$HOME/" -- $words[1])
                  $program "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
                end
                complete -f -c '{Quoted(program)}' -a '({function})'
                """,
            _ => $$"""
                Register-ArgumentCompleter -Native -CommandName '{{program.Replace("'", "''", StringComparison.Ordinal)}}' -ScriptBlock {
                  param($word, $line, $position)
                  # The place is told from the beginning of all that is typed, and blanks behind the last word are left out.
                  $program = $line.CommandElements[0]
                  $at = $position - $program.Extent.StartOffset
                  $text = "$line".Substring($program.Extent.StartOffset - $line.Extent.StartOffset).PadRight($at)
                  & $program.Value "[suggest:$at]" $text 2>$null | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
                  }
                }
                """,
        };
    }

    private static string Quoted(string text) => text.Replace("'", "'\\''", StringComparison.Ordinal);
}
