using System.CommandLine;
using System.Globalization;
using Pampa.Bench;

if (args is [ChildRun.Verb, var what, var job, var size, var answer, .. var more])
    return await ChildRun.ActAsync(what, job, int.Parse(size, CultureInfo.InvariantCulture), answer, more);
// Time to end the children and the server, and to throw their folders away.
var ending = new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(30) };
return await Options.Command(Console.Out).Parse(args).InvokeAsync(ending);
