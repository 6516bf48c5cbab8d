using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Dispatching;

/// <summary>Which ended records of one job run again: those of its rule, and those that its code names.</summary>
internal sealed class JobRelaunch(JobDispatch job, Relaunching relaunching, ILogger log, TimeProvider time)
{
    // It is asked once a second, by a timer that may be over a little early.
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(0.9);
    private static readonly TimeSpan LongestPass = TimeSpan.FromSeconds(1);
    private const int SearchRarity = 4;
    private readonly Pace looks = new(Every, time);
    private readonly Pace searches = new(Every, time, SearchRarity);
    private readonly Pace walks = new(Every, time);
    private readonly Rest ruleRests = new(time);
    private readonly RelaunchCode? code = relaunching.KeysAsync is null ? null : new RelaunchCode(job, relaunching.KeysAsync, new Pace(Every, time), time);
    private readonly Rest codeRests = new(time);
    private readonly AvoidedKeys avoided = new(time, TimeSpan.FromSeconds(30));
    private readonly Telling tooLong = new(time);
    private readonly RelaunchWalk walk = new(job.Store, time);

    // What the last look took.
    private TimeSpan look;

    // How much a pass has found out so far: what it has relaunched at a time, and what cannot be.
    private int settled;

    // Whether it was told of records that cannot run again, and of keys that name nothing that could.
    private bool isRefusalTold;
    private bool isIgnoranceTold;

    public JobDispatch Job => job;

    /// <summary>How often it is said that hooks hold it back.</summary>
    public Telling HeldBack { get; } = new(time);

    private TaskStore Store => job.Store;

    private Dialect Dialect => Store.Database.Dialect;

    public void Reset()
    {
        looks.Reset();
        searches.Reset();
        walks.Reset();
        avoided.Clear();
        walk.Reset();
        code?.Pace.Reset();
    }

    public async Task<int> PassAsync(LeaseTerm term, bool isAsked, CancellationToken stopping)
    {
        var count = 0;
        if (relaunching.HasRule && (isAsked || (looks.IsDue && searches.IsDue && walks.IsDue)))
            count += await TryAsync(ruleRests, "rule", async () => await ByRuleAsync(term, isAsked, stopping), stopping);
        if (code is not null) count += await TryAsync(codeRests, "code", () => ByCodeAsync(code, term, isAsked, stopping), stopping);
        return count;
    }

    private async Task<int> ByRuleAsync(LeaseTerm term, bool isAsked, CancellationToken stopping)
    {
        var first = time.GetTimestamp();
        settled = 0;
        if (await walk.IsShortAsync(stopping))
        {
            try
            {
                return (await WithinAsync(EndWindow.All, first, term, stopping)).Count;
            }
            catch (Exception e) when (Dialect.IsStatementTimeout(e))
            {
                // It has taken all the time that it may: where the next one were at all again, so would that, and all after it.
                walk.Reset();
                throw;
            }
            finally
            {
                walk.Took(look);
            }
        }
        var (all, _) = await WithinAsync(await walk.YoungAsync(stopping), first, term, stopping);
        var isMore = true;
        while (isMore && all < Limits.RelaunchRows && time.GetElapsedTime(first) < LongestPass)
        {
            var old = await walk.OldAsync(stopping);
            int some;
            bool isDone;
            try
            {
                (some, isDone) = await WithinAsync(old, first, term, stopping);
            }
            catch (Exception e) when (Dialect.IsStatementTimeout(e) || Dialect.Classify(e) == ErrorKind.Data)
            {
                // One that cannot be looked at in time, or has a value on which the condition fails, would else be the last one for ever.
                // Whatever else comes between says nothing of it.
                walk.Pass();
                throw;
            }
            if (isDone) walk.Pass();
            all += some;
            // Where there is something to do, or somebody waits for it, it goes on; else with the next look.
            isMore = isDone && !walk.IsRound && (some > 0 || isAsked);
        }
        if (all == 0) walks.End(first);
        return all;
    }

    /// <summary>All of a window that are to run again, as far as the time of a pass goes. Returns how many, and whether those are all.</summary>
    private async Task<(int Count, bool IsDone)> WithinAsync(EndWindow window, long first, LeaseTerm term, CancellationToken stopping)
    {
        var began = time.GetTimestamp();
        var all = 0;
        if (avoided.Any) return await AroundAsync(window, first, term, stopping);
        int some;
        try
        {
            do
            {
                began = time.GetTimestamp();
                some = Woken(await Store.RelaunchDueAsync(term, stopping, window));
                all += some;
            }
            while (some == Dialect.MaxRows && all < Limits.RelaunchRows && time.GetElapsedTime(first) < LongestPass);
            isRefusalTold = false;
        }
        catch (Exception e) when (Dialect.Classify(e) == ErrorKind.Data || (Dialect.Classify(e) == ErrorKind.Locked && !Dialect.HasSingleWriter))
        {
            // A record among them is refused or locked: the others need not wait for it.
            var (around, isDone) = await AroundAsync(window, first, term, stopping);
            return (all + around, isDone);
        }
        finally
        {
            // What the last one took is what a look costs; those before it were work.
            EndLook(began);
        }
        return (all, some < Dialect.MaxRows);
    }

    private void EndLook(long began)
    {
        looks.End(began);
        look = time.GetElapsedTime(began);
    }

    /// <summary>The same behind those that were refused or locked lately: they are the oldest, so that each pass would begin with them.</summary>
    private async Task<(int Count, bool IsDone)> AroundAsync(EndWindow window, long first, LeaseTerm term, CancellationToken stopping)
    {
        var all = 0;
        List<EndedRecord> due;
        try
        {
            int some, known;
            do
            {
                var began = time.GetTimestamp();
                known = avoided.Count;
                try
                {
                    due = avoided.Fresh(await Store.ReadDueAsync(Dialect.MaxRows + known, stopping, window), r => r.Key);
                }
                finally
                {
                    EndLook(began);
                }
                some = await SeenAsync(due[..Math.Min(due.Count, Dialect.MaxRows)], byRule: true, first, term, stopping);
                all += some;
            }
            while (due.Count >= Dialect.MaxRows && some + avoided.Count > known && all < Limits.RelaunchRows && time.GetElapsedTime(first) < LongestPass);
        }
        finally
        {
            // To find them is work and no look, and soon done; but it takes the leader's time, which is everybody's.
            searches.End(first);
        }
        return (all, due.Count < Dialect.MaxRows);
    }

    // Null: it has not answered yet, or was not asked.
    private async Task<int?> ByCodeAsync(RelaunchCode code, LeaseTerm term, bool isAsked, CancellationToken stopping)
    {
        if (await code.AskAsync(isAsked, stopping) is not { } named) return null;
        var keys = new List<TaskKey>();
        string? ignored = null;
        foreach (var text in named)
        {
            if (text is not null && Store.TryParseKey(text, out var key)) keys.Add(key);
            else ignored ??= text ?? "null";
        }
        var began = time.GetTimestamp();
        var ended = await EndedAsync(keys, stopping);
        var again = 0;
        settled = 0;
        foreach (var chunk in avoided.Fresh(ended, r => r.Key).Chunk(Dialect.MaxRows))
            again += await SeenAsync([.. chunk], byRule: false, began, term, stopping);
        code.Pace.End(began);
        if (again == named.Count)
        {
            isIgnoranceTold = isIgnoranceTold && named.Count == 0;
            return again;
        }
        var known = ended.ConvertAll(e => e.Key).ToHashSet();
        ignored ??= keys.Where(k => !known.Contains(k)).Select(Dialect.Display).FirstOrDefault() ?? Dialect.Display(keys[0]);
        if (!isIgnoranceTold) Log.KeysIgnored(log, Store.Job.Name, named.Count - again, named.Count, ignored);
        isIgnoranceTold = true;
        return again;
    }

    /// <summary>Those of the records that have ended. A key that is no value of its column names none.</summary>
    private async Task<List<EndedRecord>> EndedAsync(List<TaskKey> keys, CancellationToken stopping)
    {
        if (keys.Count == 0) return [];
        try
        {
            return (await Store.ReadEndedAsync(keys, stopping)).ConvertAll(e => new EndedRecord(e.Key, e.EndedAt, e.State));
        }
        catch (Exception e) when (Dialect.Classify(e) == ErrorKind.Data)
        {
            if (keys.Count == 1) return [];
            var half = keys.Count / 2;
            return [.. await EndedAsync(keys[..half], stopping), .. await EndedAsync(keys[half..], stopping)];
        }
    }

    /// <summary>
    /// Relaunches records by their keys; where one is refused by a rule of its table, or locked, it is found by halving and
    /// left for later.
    /// </summary>
    private async Task<int> SeenAsync(List<EndedRecord> records, bool byRule, long began, LeaseTerm term, CancellationToken stopping)
    {
        // Each locked one costs a wait, and meanwhile nobody dispatches and no lease is renewed: the rest has time until the next pass, as soon
        // as there is something that it need not find out again.
        if (records.Count == 0 || (settled > 0 && time.GetElapsedTime(began) >= LongestPass)) return 0;
        try
        {
            var again = Woken((await Store.RelaunchSeenAsync(records, byRule, term, stopping)).Count);
            settled++;
            return again;
        }
        catch (Exception e) when (Dialect.Classify(e) == ErrorKind.Data || (Dialect.Classify(e) == ErrorKind.Locked && !Dialect.HasSingleWriter))
        {
            if (records.Count == 1)
            {
                if (!isRefusalTold) Log.RelaunchRefused(log, Store.Job.Name, Dialect.Display(records[0].Key), e.Message);
                isRefusalTold = true;
                settled++;
                avoided.Add(records[0].Key, Dialect.Classify(e) == ErrorKind.Data);
                return 0;
            }
            var half = records.Count / 2;
            return await SeenAsync(records[..half], byRule, began, term, stopping) + await SeenAsync(records[half..], byRule, began, term, stopping);
        }
    }

    // At once, whatever comes of the rest of the pass.
    private int Woken(int again)
    {
        if (again > 0) job.Wake();
        return again;
    }

    /// <summary>What goes wrong with one way of relaunching is told once, and that way alone rests for a while.</summary>
    private async Task<int> TryAsync(Rest rest, string what, Func<Task<int?>> stepAsync, CancellationToken stopping)
    {
        if (rest.IsResting) return 0;
        var table = Store.Table;
        try
        {
            var count = await stepAsync();
            if (count is not null && rest.End()) Log.RelaunchGoesOn(log, Store.Job.Name, what);
            return count ?? 0;
        }
        catch (Exception e) when (Dialect.IsStatementTimeout(e))
        {
            // The server is well, and nobody else need wait for what it could not find in time.
            if (tooLong.IsDue(out var unsaid)) Log.RelaunchTooLong(log, Store.Job.Name, what, TaskStore.LongestRule.TotalSeconds, unsaid, e.Message);
            rest.Begin();
        }
        catch (Exception e) when (e is OperationCanceledException || Dialect.Classify(e) == ErrorKind.Infrastructure)
        {
            // Whether it took effect is not known: then there are records to look for.
            job.Wake();
            throw;
        }
        catch (Exception e) when (Dialect.Classify(e) == ErrorKind.Locked)
        {
            Log.Locked(log, Store.Job.Name);
        }
        catch (Exception e) when (e is RelaunchCodeException || Dialect.Classify(e) is ErrorKind.Schema or ErrorKind.Data)
        {
            if (Dialect.Classify(e) == ErrorKind.Schema && await Store.HasChangedAsync(job.Load, table, stopping)) return 0;
            if (rest.Begin()) Log.RelaunchFailed(log, Store.Job.Name, what, e.Message);
        }
        return 0;
    }

    /// <summary>A step that has failed is tried again after half a minute; only its first failure is told.</summary>
    private sealed class Rest(TimeProvider time)
    {
        private static readonly TimeSpan Duration = TimeSpan.FromSeconds(30);
        private long? since;

        public bool IsResting => since is { } began && time.GetElapsedTime(began) < Duration;

        /// <summary>It has failed. Says whether that is new.</summary>
        public bool Begin()
        {
            var isNew = since is null;
            since = time.GetTimestamp();
            return isNew;
        }

        /// <summary>It has worked. Says whether it had failed before.</summary>
        public bool End()
        {
            var had = since is not null;
            since = null;
            return had;
        }
    }
}
