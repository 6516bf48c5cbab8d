using System.Runtime.Versioning;
using Pampa.Chaos;
using Pampa.Chaos.Work;

// It sends signals, mounts disks and starts processes through a shell.
[assembly: UnsupportedOSPlatform("windows")]

// The same executable is the program under fire, so that its processes are the real command line.
if (WorkerProgram.IsThis) return await WorkerProgram.RunAsync(args);
return await Options.Command((options, stopping) => new Run(options, Console.Out).RunAsync(stopping)).Parse(args).InvokeAsync();

internal sealed partial class Program;
