using System.Runtime.Versioning;
using Pampa.Mutations;

// It runs what it builds through a shell.
[assembly: UnsupportedOSPlatform("windows")]

return await Options.Command(options => new Campaign(options, Console.Out).RunAsync).Parse(args).InvokeAsync();
