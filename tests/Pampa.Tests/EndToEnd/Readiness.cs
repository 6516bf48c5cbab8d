using System.Collections.Concurrent;
using Pampa.Tests.Fixtures;
using Engine = Pampa.Tests.Fixtures.Engine;

namespace Pampa.Tests.EndToEnd;

/// <summary>
/// A program for which a server's database is made ready before it runs: its owner migrates it, and gives a role what <c>migrate</c> prints for
/// that, and no more. As this role the program runs then; what the test itself reads and writes stays with the owner.
/// </summary>
/// <param name="Program">The program.</param>
/// <param name="Which">What it is asked for in the environment; null: nothing.</param>
internal sealed record Readiness(string Program, string? Which = null)
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> Templates = [];

    /// <summary>The first program of the README.</summary>
    public static Readiness Numbers { get; } = new(ProgramFixture.Numbers);

    /// <summary>What handlers, statements of hooks, ticks and conditions need beside, which nobody but the program's author knows.</summary>
    public string[] Own { get; init; } = [];

    /// <summary>One of the programs of cases.</summary>
    public static Readiness Case(string which) => new(ProgramFixture.Cases, which);

    /// <summary>What the program finds in its environment.</summary>
    public (string, string)[] Environment => Which is null ? [] : [("PAMPA_TEST_CASE", Which)];

    /// <summary>
    /// The name of a database to copy: to migrate takes longer than most tests, and is the same for all of one program. What differs between
    /// engines is what can be granted, and the index.
    /// </summary>
    public Task<string> TemplateAsync(Engine engine, ProgramFixture programs) =>
        Templates.GetOrAdd($"{Program} {Which} {engine.IsCockroach()}", _ => new Lazy<Task<string>>(() => MakeTemplateAsync(engine, programs))).Value;

    private async Task<string> MakeTemplateAsync(Engine engine, ProgramFixture programs)
    {
        var made = await NumbersDatabase.CreateAsync(engine, programs);
        await made.PrepareAsync(programs, this);
        return await made.FreezeAsync();
    }
}
