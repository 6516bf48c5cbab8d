using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using Pampa.Tests.Conformance;

namespace Pampa.Tests.Mutations;

/// <summary>One test of the conformance suite with its arguments, and which statements it ran.</summary>
internal sealed record ConformanceCase(MethodInfo Method, object?[] Arguments)
{
    public HashSet<string> Statements { get; } = [];

    public TimeSpan Duration { get; set; }

    public override string ToString() => $"{Method.Name}({string.Join(", ", Arguments)})";
}

/// <summary>Runs tests of the conformance suite by hand, with their statements rewritten.</summary>
internal sealed class ConformanceRun<T> where T : StoreConformance
{
    // A test that a missing guard makes endless is killed; one that is only slow on a busy machine must not be.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PatienceToLearn = TimeSpan.FromSeconds(120);
    private readonly Func<Func<string, string>, CancellationToken, T> create;

    public ConformanceRun(Func<Func<string, string>, CancellationToken, T> create, Func<MethodInfo, bool> wanted)
    {
        this.create = create;
        Cases = [.. typeof(StoreConformance).GetMethods(BindingFlags.Public | BindingFlags.Instance).Where(wanted).SelectMany(CasesOf)];
    }

    public List<ConformanceCase> Cases { get; private set; }

    /// <summary>The guards of all statements, and whether they are also what the statement picks by.</summary>
    public Dictionary<Guard, bool> Guards { get; } = [];

    /// <summary>Runs all once as they are: which statements each needs, and which guards these have.</summary>
    public async Task LearnAsync()
    {
        var all = new HashSet<string>();
        foreach (var test in Cases)
        {
            var texts = new ConcurrentBag<string>();
            var watch = Stopwatch.StartNew();
            var failure = await RunAsync(test, text =>
            {
                texts.Add(text);
                return text;
            }, PatienceToLearn);
            if (failure is not null) throw new InvalidOperationException($"{test} fails as it is: {failure.Message}", failure);
            test.Duration = watch.Elapsed;
            // Tests with tables of their own look at other things.
            all.UnionWith(texts.Where(IsOfInterest));
            foreach (var text in texts.Distinct())
            {
                if (Mutations.Guards.StatementOf(text) is { } statement) test.Statements.Add(statement);
            }
        }
        foreach (var guard in all.SelectMany(Mutations.Guards.In).Distinct())
            Guards[guard] = all.Any(text => Mutations.Guards.IsPickedBy(guard, text));
        Cases = [.. Cases.OrderBy(c => c.Duration)];
    }

    private static bool IsOfInterest(string text)
    {
        bool Has(string part) => text.Contains(part, StringComparison.Ordinal);
        return Has(".\"numbers\"") || (Has(" pampa_") && !Has(" t."));
    }

    /// <summary>The first test that fails without the guard, or null.</summary>
    public async Task<ConformanceCase?> KillAsync(Guard guard, bool everywhere)
    {
        string Mutate(string text) =>
            everywhere ? Mutations.Guards.WithoutAll(guard, text) : Mutations.Guards.Without(guard, text);
        foreach (var test in Cases.Where(c => c.Statements.Contains(guard.Statement)))
        {
            if (await RunAsync(test, Mutate, Patience) is not null) return test;
        }
        return null;
    }

    private async Task<Exception?> RunAsync(ConformanceCase test, Func<string, string> rewrite, TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience);
        await using var suite = create(rewrite, limit.Token);
        try
        {
            await suite.InitializeAsync();
            if (test.Method.Invoke(suite, test.Arguments) is Task running) await running.WaitAsync(limit.Token);
            return null;
        }
        catch (Exception e)
        {
            return e is TargetInvocationException { InnerException: { } inner } ? inner : e;
        }
    }

    private static IEnumerable<ConformanceCase> CasesOf(MethodInfo method)
    {
        if (method.GetCustomAttribute<FactAttribute>() is null) yield break;
        if (method.GetCustomAttribute<TheoryAttribute>() is null)
        {
            yield return new ConformanceCase(method, []);
            yield break;
        }
        foreach (var inline in method.GetCustomAttributes<InlineDataAttribute>()) yield return new ConformanceCase(method, Arguments(method, inline.Data));
        foreach (var member in method.GetCustomAttributes<MemberDataAttribute>())
        {
            var found = typeof(StoreConformance).GetMember(member.MemberName, BindingFlags.Public | BindingFlags.Static).Single();
            var data = found is MethodInfo make ? make.Invoke(null, []) : ((PropertyInfo)found).GetValue(null);
            foreach (var row in (System.Collections.IEnumerable)data!) yield return new ConformanceCase(method, ((ITheoryDataRow)row).GetData());
        }
    }

    // The last parameter may be a list of the rest.
    private static object?[] Arguments(MethodInfo method, object?[] data)
    {
        var parameters = method.GetParameters();
        if (!parameters[^1].IsDefined(typeof(ParamArrayAttribute))) return data;
        var rest = Array.CreateInstance(parameters[^1].ParameterType.GetElementType()!, data.Length - parameters.Length + 1);
        for (var i = 0; i < rest.Length; i++) rest.SetValue(data[parameters.Length - 1 + i], i);
        return [.. data[..(parameters.Length - 1)], rest];
    }
}
