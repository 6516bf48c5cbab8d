using System.Globalization;
using Pampa.Bench;

if (args is [ChildRun.Verb, var what, var job, var size, var answer])
    return await ChildRun.ActAsync(what, job, int.Parse(size, CultureInfo.InvariantCulture), answer);
return await Options.Command(new Bench(Console.Out).RunAsync).Parse(args).InvokeAsync();
