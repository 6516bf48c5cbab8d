using Pampa.Commands;

return await CommandLine.RunPublishedAsync(args, "pampa", Console.Out, Console.Error);
