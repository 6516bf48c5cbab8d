using Pampa.Dispatching;
using Pampa.Jobs;

namespace Pampa.Tests.Units;

/// <summary>In which order workers are dealt to, and what is wrong with rules for workers.</summary>
public sealed class WorkerRuleTests
{
    private static CandidateWorker Worker(string id, int inHand, int depth = 5) => new("job", id, id.Split('.')[0], inHand, depth);

    private static string Dealt<TKey>(Func<CandidateWorker, TKey> key, int max, params CandidateWorker[] workers) where TKey : IComparable<TKey> =>
        string.Join(' ', new WorkerOrder<TKey>(key).Deal(workers, max).Select(i => workers[i].Worker));

    [Fact]
    public void Each_record_goes_to_the_least_key_of_that_moment()
    {
        CandidateWorker[] workers = [Worker("a.1", 1), Worker("b.1", 0), Worker("b.2", 2)];
        Assert.Equal("b.1 a.1 b.1 a.1 b.1 b.2", Dealt(w => w.InHand, 6, workers));
        Assert.Equal("b.1 b.1 a.1 b.1 b.2 a.1", Dealt(w => (w.InHand, w.Node != "b"), 6, workers));
        Assert.Equal("b.1 b.1 b.1 b.2 b.1 b.2 b.1 b.2 a.1", Dealt(w => w.Node != "b", 9, workers));
        Assert.Equal("b.1 b.1 a.1 b.1 b.2", Dealt(w => w.InHand / (w.Node == "b" ? 2.0 : 1.0), 5, workers));
    }

    [Fact]
    public void Nobody_gets_more_than_he_should_have()
    {
        Assert.Equal("a.2 a.2", Dealt(w => w.Worker == "a.1", 10, Worker("a.1", 5), Worker("a.2", 3)));
        Assert.Equal("", Dealt(w => w.InHand, 0, Worker("a.1", 0)));
        Assert.Equal("", Dealt(w => w.InHand, 5));
    }

    [Fact]
    public void Equals_are_ordered_by_what_they_have_and_then_as_they_came()
    {
        CandidateWorker[] workers = [Worker("a.1", 2), Worker("a.2", 1), Worker("a.3", 1)];
        Assert.Equal([1, 2, 0], new WorkerOrder<int>(_ => 0).Sort(workers));
        Assert.Equal([2, 1, 0], new WorkerOrder<string>(w => w.Worker == "a.3" ? "first" : "second").Sort(workers));
    }

    [Fact]
    public void A_worker_that_is_a_node_by_itself_has_the_name_of_the_node_that_it_belongs_to()
    {
        Assert.Equal("local", new WorkerHand("local.2", "local.2", 0, false, 5).NodeName);
        Assert.Equal("web.north", new WorkerHand("web.north.2", "web.north", 0, false, 5).NodeName);
        Assert.Equal("alone", new WorkerHand("alone", "alone", 0, false, 5).NodeName);
    }

    [Fact]
    public void What_is_said_twice_is_an_error()
    {
        var builder = new PampaBuilder();
        builder.AddJob("job", "numbers", "value", job =>
        {
            job.Process(_ => { });
            job.Allow(_ => true);
            job.Allow((_, _) => Task.FromResult(true));
            job.WorkerOrderBy(w => w.InHand);
            job.WorkerOrderBy(w => w.Node);
            job.Report((context, stopping) => context.CountAsync(stopping));
            job.Report((context, stopping) => context.CountAsync(stopping));
        });
        var errors = new List<string>();
        builder.Build(errors);
        Assert.Equal(
            [
                "Job 'job': Allow is called twice; a job has one such code: ask for both in one.",
                "Job 'job': WorkerOrderBy is called twice; a job has one order of workers: return a tuple for several keys.",
                "Job 'job': Report is called twice; a job has one such code: return all numbers from one.",
            ], errors);
    }
}
