using System.Globalization;

namespace Pampa.Bench;

/// <summary>
/// How long the dashboard's server takes for each thing that its pages ask, over HTTP: samples/dashboard.cs on a table as it is after a month,
/// beside a cluster that is at its place.
/// </summary>
internal sealed record Dashboard(int Records, int Times) : IMeasurement
{
    private const double MaxMilliseconds = 200;
    private const int Nodes = 2;
    private const int WorkersOfNode = 10;

    // The server goes on looking for a quarter of a minute and a look, and answers with its last one for some seconds more.
    private const int FewTimes = 3;
    private static readonly TimeSpan Unseen = TimeSpan.FromSeconds(25);

    public ResultTable Table { get; } = new("## Dashboard", $"""
        Milliseconds that a client waits for what the dashboard's pages ask, appended by `dashboard --record`: of each page the question that
        takes longest, as median and worst of all but the first time (*first*: code is compiled, and the server has not read the table before).
        A question that takes longer than {MaxMilliseconds:N0} ms fails the run.
        """,
        ["records", "page", "questions", "slowest", "times", "first", "median", "worst", "machine"]);

    /// <summary>What came of one question.</summary>
    private sealed record Answered(DashboardQuestion Question, double First, Series Later);

    public async Task<IReadOnlyList<string[]>> MeasureAsync(PostgresDatabase database, TextWriter output, CancellationToken stopping)
    {
        var address = await database.CreateAsync();
        try
        {
            var order = new ChildOrder(ChildOrder.OwnProgram, ChildOrder.Product, Workload.Crowd, address);
            // Makes the table and all indexes that are advised, and publishes the job.
            foreach (var verb in (string[][])[["--drain"], ["migrate"], ["pause", "job", Workload.Crowd.Name]])
                await Child.RunAsync(order with { Arguments = verb }, stopping);
            await output.WriteLineAsync(Invariant($"loading {Records:N0} records"));
            await database.LoadMonthAsync(Records);
            var members = Enumerable.Range(1, Nodes).Select(n => Member.Node(Invariant($"n{n}"), WorkersOfNode));
            await using var all = await Members.StartReadyAsync(database, order, [Member.Dispatcher, .. members], Nodes * WorkersOfNode, stopping);
            await using var site = await DashboardSite.StartAsync(address, Workload.Crowd.Name, stopping);
            var answers = new List<Answered>();
            foreach (var question in DashboardQuestion.Of(Workload.Crowd.Name, Records)) answers.Add(await AskAsync(site, question, stopping));
            await site.StopAsync(stopping);
            await all.StopAsync(stopping);
            await TellAsync(answers, output);
            return [.. answers.GroupBy(a => a.Question.Page).Select(Line)];
        }
        finally
        {
            await database.DropAsync();
        }
    }

    private async Task<Answered> AskAsync(DashboardSite site, DashboardQuestion question, CancellationToken stopping)
    {
        async Task<double> OnceAsync()
        {
            if (question.IsUnseen) await Task.Delay(Unseen, TimeProvider.System, stopping);
            return await site.AskAsync(question, stopping);
        }
        var first = await OnceAsync();
        var later = new List<double?>();
        for (var i = 0; i < (question.IsUnseen ? FewTimes : Times); i++) later.Add(await OnceAsync());
        return new Answered(question, first, Series.Of(later)!);
    }

    private static async Task TellAsync(List<Answered> answers, TextWriter output)
    {
        await TextTable.WriteAsync(
        [
            ["page", "question", "first ms", "median ms", "worst ms"],
            .. answers.Select(a => (string[])[a.Question.Page, a.Question.What, Text(a.First), Text(a.Later.Middle), Text(a.Later.Max)]),
        ], output);
        var slow = answers.FindAll(a => a.Later.Max > MaxMilliseconds);
        if (slow.Count == 0) return;
        var what = string.Join("\n", slow.Select(a => $"! {a.Question.Page}, {a.Question.What}: {Text(a.Later.Max)} ms, {a.Question.Path}"));
        throw new RunFailedException(Invariant($"{slow.Count} questions took longer than {MaxMilliseconds:N0} ms:\n{what}"));
    }

    private string[] Line(IGrouping<string, Answered> page)
    {
        var slowest = page.MaxBy(a => a.Later.Max)!;
        return
        [
            Records.ToString("N0", CultureInfo.InvariantCulture), page.Key, Invariant($"{page.Count()}"), slowest.Question.What,
            Invariant($"{(slowest.Question.IsUnseen ? FewTimes : Times)}"), Text(slowest.First), Text(slowest.Later.Middle), Text(slowest.Later.Max),
        ];
    }

    private static string Text(double milliseconds) => milliseconds.ToString("N1", CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
