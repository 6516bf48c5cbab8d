using System.CommandLine;
using System.Runtime.Versioning;
using Pampa.Mutations;

// It runs what it builds through a shell.
[assembly: UnsupportedOSPlatform("windows")]

return await Options.Command(options => new Campaign(options, Console.Out).RunAsync).Parse(args)
    // What is under way has servers and mounts of its own, which it takes away when it is told to end.
    .InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(3) });
