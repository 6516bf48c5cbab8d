using System.CommandLine;
using Pampa.Chaos;
using Pampa.Chaos.Work;

// The same executable is the program under fire, so that its processes are the real command line.
if (WorkerProgram.IsThis) return await WorkerProgram.RunAsync(args);
return await Options.Command((options, stopping) => new Run(options, Console.Out).RunAsync(stopping)).Parse(args)
    // What was started must be stopped, and what was mounted unmounted.
    .InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(2) });

internal sealed partial class Program;
