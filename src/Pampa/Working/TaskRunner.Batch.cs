using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Pampa.Jobs;
using Pampa.Storage;

namespace Pampa.Working;

/// <summary>
/// Batches: many tasks with one call of the handler, each an attempt of its own. A handler that throws without saying whose fault it is
/// is called again with the halves, until the one that makes it throw is alone: only that one has failed. All of it is within the one start of the
/// batch, so that whoever has no part in it is charged nothing.
/// </summary>
internal sealed partial class TaskRunner
{
    /// <summary>
    /// How long the statements that start a batch may take. The leader counts from the first of them, and leaves an attempt ten seconds more than its time.
    /// </summary>
    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(5);

    public async ValueTask RunBatchAsync(Work work, Attempt attempt)
    {
        var began = time.GetTimestamp();
        var batch = new Batch(this, work.Lane, attempt);
        if (time.GetElapsedTime(work.AskedAt, began) is var took && took > LongestStart)
        {
            batch.GiveBack(work.Tasks, $"to start it took {took}");
            return;
        }
        foreach (var task in work.Tasks) MeasureWait(work.Lane, task);
        var span = attempt.Span = BeginSpan(work.Lane, work.Tasks);
        try
        {
            await batch.RunAsync([.. work.Tasks]);
        }
        finally
        {
            var each = time.GetElapsedTime(began) / work.Tasks.Count;
            for (var i = 0; i < work.Tasks.Count; i++) work.Lane.Load.Durations.Add(each);
            var outcome = attempt.Error is null ? "completed" : "failed";
            work.Lane.Load.Meter.Ran(each, outcome, work.Tasks.Count);
            EndSpan(span, outcome, null, attempt.Error);
        }
    }

    private ILogger Logger => log;

    private bool MayGoOn => isTrusted();

    private double FirstDelay(Lane lane) => lane.Job.Backoff.SecondsAfter(1, random);

    /// <summary>The tasks of one start, on their way to what comes of each.</summary>
    private sealed class Batch(TaskRunner runner, Lane lane, Attempt attempt)
    {
        private readonly BatchHandler handler = lane.Job.Handler.Batch!;
        private readonly ConcurrentQueue<(BatchTask Task, Exception Error)> unclear = new();

        // A start is told of once, whatever is run again of the batch.
        private bool areStartsTold;

        /// <summary>
        /// Runs them all, and parts of them again: with less than twice as many calls as there are tasks, for each call ends what it was given, or halves it.
        /// </summary>
        public async Task RunAsync(List<StartedTask> all)
        {
            var parts = new Stack<List<StartedTask>>([all]);
            while (parts.TryPop(out var part))
            {
                var left = attempt.Why == Interruption.None && runner.MayGoOn ? await RunPartAsync(part) : GiveUp(part);
                if (left.Count == 0) continue;
                var half = (left.Count + 1) / 2;
                if (half < left.Count) parts.Push(left[half..]);
                parts.Push(left[..half]);
            }
        }

        /// <summary>Calls the handler with some of them. Returns those that it is to be called with again.</summary>
        private async Task<List<StartedTask>> RunPartAsync(List<StartedTask> part)
        {
            var tasks = await MakeAsync(part);
            if (tasks.Length == 0) return [];
            Exception? error = null;
            try
            {
                await handler.RunAsync(tasks, attempt.Token);
            }
            catch (Exception e)
            {
                error = e;
            }
            var left = tasks.Where(t => t.TryClose()).ToList();
            while (unclear.TryDequeue(out var one)) Post(one.Task, await runner.ThrownAsync(lane, one.Task, one.Task.Started, attempt, one.Error));
            if (error is not null) return await ThrownAsync(tasks.Length, left, error);
            foreach (var task in left) Post(task, Completed(task));
            return [];
        }

        /// <summary>The tasks as the handler takes them. One whose record does not fit fails by itself.</summary>
        private async Task<BatchTask[]> MakeAsync(List<StartedTask> part)
        {
            var tasks = new List<BatchTask>(part.Count);
            foreach (var started in part)
            {
                var task = runner.TaskOf(started, attempt);
                try
                {
                    if (!areStartsTold) await TellStartAsync(lane, started, attempt);
                    var made = handler.Make(task);
                    made.Telling = Tell;
                    tasks.Add(made);
                }
                catch (Exception e)
                {
                    Post(task, await runner.ThrownAsync(lane, task, started, attempt, e));
                }
            }
            areStartsTold = true;
            foreach (var task in tasks) task.Company = tasks.Count;
            return [.. tasks];
        }

        private async Task<List<StartedTask>> ThrownAsync(int together, List<BatchTask> left, Exception error)
        {
            if (left.Count == 0)
            {
                Log.ThrownAfterAll(runner.Logger, lane.Job.Name, together, error);
                return [];
            }
            if (together == 1)
            {
                Post(left[0], await runner.ThrownAsync(lane, left[0], left[0].Started, attempt, error));
                return [];
            }
            // All of them are meant, and none is at fault; or nobody can tell whose doing it was that the time was over.
            if (error is SnoozeException || attempt.Why != Interruption.None)
            {
                foreach (var task in left) Post(task, Judged(task, error));
                return [];
            }
            if (await IsAwayAsync(left[0], error) is { } why)
            {
                GiveBack(left.ConvertAll(t => t.Started), why);
                return [];
            }
            Log.Halved(runner.Logger, lane.Job.Name, together, left.Count, error.Message);
            return left.ConvertAll(t => t.Started);
        }

        // Null: it is the handler that asks for what there never was.
        private async Task<string?> IsAwayAsync(BatchTask task, Exception error)
        {
            if (MissingColumn(error) is not { } column) return null;
            try
            {
                return await runner.IsAwayAsync(lane, task.Started.Table, column, error) ? error.Message : null;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                return $"{error.Message} The table cannot be asked: {e.Message}";
            }
        }

        /// <summary>Their turn does not come any more, which is not their doing. Whoever had the time that is over is charged.</summary>
        private List<StartedTask> GiveUp(List<StartedTask> part)
        {
            if (attempt.Why == Interruption.MaxDuration) GiveBack(part, $"{attempt.Reason} by others of the same start");
            else part.ForEach(started => Forgive(started, 0));
            return [];
        }

        /// <summary>They have no part in what went wrong: their attempts do not count, and they are tried again after a while.</summary>
        public void GiveBack(IReadOnlyList<StartedTask> tasks, string why)
        {
            Log.BatchGivenBack(runner.Logger, lane.Job.Name, tasks.Count, why);
            foreach (var started in tasks) Forgive(started, runner.FirstDelay(lane));
        }

        private void Forgive(StartedTask started, double delaySeconds) =>
            Post(started, new TaskResult(started.Fence, Outcome.Forgiven, delaySeconds));

        /// <summary>What the handler says of a task goes to the table at once.</summary>
        private void Tell(BatchTask task, Exception? error)
        {
            if (error is null) Post(task, Completed(task));
            // Whose fault that is the table tells, and it cannot be asked here.
            else if (MissingColumn(error) is not null) unclear.Enqueue((task, error));
            else Post(task, Judged(task, error));
        }

        private TaskResult Completed(BatchTask task)
        {
            try
            {
                return new TaskResult(task.Started.Fence, Outcome.Completed, Changes: task.TakeChanges()) { Values = ValuesFor(lane, task) };
            }
            catch (Exception e)
            {
                return Judged(task, e);
            }
        }

        private TaskResult Judged(PampaTask task, Exception error)
        {
            try
            {
                return runner.Failed(lane, task, task.Started.Fence, attempt, error);
            }
            catch (Exception again)
            {
                return runner.Untold(lane, task.Started.Fence, error, again);
            }
        }

        private void Post(PampaTask task, TaskResult result) => Post(task.Started, result);

        private void Post(StartedTask started, TaskResult result)
        {
            runner.TellSpan(attempt.Span, lane, result);
            lane.Finisher.Post(Complete(lane, started, result));
        }
    }
}
