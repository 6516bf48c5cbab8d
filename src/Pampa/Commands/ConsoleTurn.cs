using System.Runtime.InteropServices;

namespace Pampa.Commands;

/// <summary>
/// Chooses the display, and while it is live has everything that is written to this process's console go through it;
/// gives the console back afterwards, and in whatever way the process ends.
/// </summary>
internal sealed class ConsoleTurn : IDisposable
{
    // The terminal may stand still (CTRL+S): the process ends all the same.
    private static readonly TimeSpan LastWords = TimeSpan.FromMilliseconds(500);
    private readonly TextWriter output = Console.Out;
    private readonly TextWriter errors = Console.Error;
    private readonly LiveDisplay? live;
    private readonly List<PosixSignalRegistration> registrations = [];

    private ConsoleTurn(Display display)
    {
        Display = display;
        live = display as LiveDisplay;
        if (live is null) return;
        Console.SetOut(live.Output);
        if (!Console.IsErrorRedirected) Console.SetError(live.Errors);
        // A second signal, or the exception of some thread, ends the process: the cursor must not stay hidden.
        AppDomain.CurrentDomain.ProcessExit += OnEnd;
        AppDomain.CurrentDomain.UnhandledException += OnEnd;
        if (OperatingSystem.IsWindows()) return;
        registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGQUIT, _ => AtOnce(live.Abort)));
        registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => live.Measure()));
        // Suspended by CTRL+Z and called back: the shell has written below the table.
        registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGCONT, _ => live.BeginAnew()));
    }

    public Display Display { get; }

    public static ConsoleTurn Take(Verb verb, bool isPlain, LogFormat format, Func<string, string?> environment)
    {
        if (format.IsJson) return new ConsoleTurn(new PlainDisplay(verb.Output, verb.Errors, format: format));
        if (!Terminal.IsForPeople(isPlain, !Terminal.IsOn(verb.Output), environment) || Terminal.Find(verb.Output, environment) is not { } terminal)
            return new ConsoleTurn(new PlainDisplay(verb.Output, verb.Errors));
        var errors = Console.IsErrorRedirected ? verb.Errors : null;
        return new ConsoleTurn(new LiveDisplay(terminal, Terminal.Open(verb.Output), errors, Terminal.Size, TimeProvider.System));
    }

    private void OnEnd(object? sender, EventArgs e) => AtOnce(live!.Abort);

    private static void AtOnce(Action action)
    {
        var doing = new Thread(() => action()) { IsBackground = true };
        doing.Start();
        doing.Join(LastWords);
    }

    public void Dispose()
    {
        if (live is null) return;
        foreach (var registration in registrations) registration.Dispose();
        AppDomain.CurrentDomain.ProcessExit -= OnEnd;
        AppDomain.CurrentDomain.UnhandledException -= OnEnd;
        Console.SetOut(output);
        Console.SetError(errors);
    }
}
