namespace Pampa.Tests.Units;

/// <summary>Every message, in the words of the API, and all of them at once.</summary>
public sealed class JobValidationTests
{
    private static List<string> Errors(Action<JobBuilder> configure, string name = "job", string table = "numbers", params string[] key)
    {
        var builder = new PampaBuilder();
        builder.AddJob(name, table, key.Length == 0 ? ["value"] : key, job =>
        {
            job.Process(_ => { });
            configure(job);
        });
        var errors = new List<string>();
        builder.Build(errors);
        return errors;
    }

    public static TheoryData<string, Action<JobBuilder>> Broken => new()
    {
        { "QueueSize must be between 1 and 1,000, got 0.", job => job.QueueSize = 0 },
        { "QueueSize must be between 1 and 1,000, got 1,001.", job => job.QueueSize = 1_001 },
        { "MaxQueueSize must be between 5 and 8,000, got 4.", job => job.MaxQueueSize = 4 },
        { "MaxQueueSize must be between 5 and 8,000, got 8,001.", job => job.MaxQueueSize = 8_001 },
        { "MaxAttempts must be between 1 and 1,000, got 0.", job => job.MaxAttempts = 0 },
        { "MaxPendingTasks must be at least 1, got 0.", job => job.MaxPendingTasks = 0 },
        { "MaxAssignedWorkers must be at least 1, got -1.", job => job.MaxAssignedWorkers = -1 },
        { "MaxDuration must be between 1 second and 45 days, got 00:00:00.", job => job.MaxDuration = TimeSpan.Zero },
        { "MaxDuration must be between 1 second and 45 days, got 366.00:00:00.", job => job.MaxDuration = TimeSpan.FromDays(366) },
        { "Backoff must not be null: use Backoff.None for no delay.", job => job.Backoff = null! },
        { "WorkerFilter must be a regular expression without look-around and back-references, got '(': ", job => job.WorkerFilter = "(" },
        { "WorkerFilter must be a regular expression without look-around and back-references, got '(?=x)': ", job => job.WorkerFilter = "(?=x)" },
        { "Columns.Success must name a column, got an empty text.", job => job.Columns = new TaskColumns { Success = " " } },
        { "Columns.Generation must name a column, got an empty text.", job => job.Columns = new TaskColumns { Generation = "" } },
        { "Columns.StartTime and Columns.EndTime both name 'at'; each needs a column of its own.", job => job.Columns = new TaskColumns { StartTime = "at", EndTime = "at" } },
        { "RelaunchAfter must be between 1 second and 3,650 days, got 00:00:00.9990000.", job => job.RelaunchAfter = TimeSpan.FromMilliseconds(999) },
        { "RelaunchAfter must be between 1 second and 3,650 days, got 3650.00:00:01.", job => job.RelaunchAfter = TimeSpan.FromDays(3_650) + TimeSpan.FromSeconds(1) },
        { "RelaunchJitter must be between 0 and 1, got 1.5.", job => (job.RelaunchAfter, job.RelaunchJitter) = (TimeSpan.FromDays(1), 1.5) },
        { "RelaunchJitter must be between 0 and 1, got NaN.", job => (job.RelaunchAfter, job.RelaunchJitter) = (TimeSpan.FromDays(1), double.NaN) },
        { "RelaunchFailed says which records RelaunchAfter and RelaunchWhere are for, and neither is set: set one of them.", job => job.RelaunchFailed = true },
        {
            "Relaunch is called twice; a job has one such code: return the keys of both from one.", job =>
            {
                for (var i = 0; i < 2; i++) job.Relaunch((_, _) => Task.FromResult<IEnumerable<string>>([]));
            }
        },
        { "PriorityColumn must name a column, got an empty text.", job => job.PriorityColumn = " " },
        { "DueColumn must name a column, got an empty text.", job => job.DueColumn = "" },
        { "InSequenceBy must name a column or several, got an empty one.", job => job.InSequenceBy([]) },
        {
            "InSequenceBy is called twice; a job has one sequence: name all of its columns at once.", job =>
            {
                job.InSequenceBy("a");
                job.InSequenceBy("b");
            }
        },
        {
            "Select names the records in order, so PriorityColumn has no meaning beside it: ", job =>
            {
                job.PriorityColumn = "priority";
                job.Select(_ => []);
            }
        },
        { "Select must say how many keys are wanted, with @n: end it with LIMIT @n. It is \"SELECT value FROM numbers LIMIT @next\".",
            job => job.Select($"SELECT value FROM numbers LIMIT @next") },
        { "SelectEachCycle throws InvalidOperationException: no wind.", job => job.SelectEachCycle(() => throw new InvalidOperationException("no wind.")) },
        {
            "Select names the records in order, so OrderBy has no meaning beside it: ", job =>
            {
                job.OrderBy = $"value DESC";
                job.Select(_ => []);
            }
        },
        {
            "Select is called twice; a job has one selection: ", job =>
            {
                job.Select($"SELECT value FROM numbers LIMIT @n");
                job.Select(_ => []);
            }
        },
        { "Process is called twice; a job has one handler: remove one, or add a second job with its own columns.", job => job.Process(_ => { }) },
        { "Process and ProcessInTransaction are both called; a job has one handler: remove one, or add a second job with its own columns.",
            job => job.ProcessInTransaction((_, _, _) => { }) },
    };

    [Theory]
    [MemberData(nameof(Broken), DisableDiscoveryEnumeration = true)]
    public void What_is_out_of_range_is_reported(string expected, Action<JobBuilder> configure) =>
        Assert.StartsWith($"Job 'job': {expected}", Assert.Single(Errors(configure)), StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("-x")]
    [InlineData("a b")]
    [InlineData("naïve")]
    [InlineData("a\n")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123x")]
    public void A_name_must_be_plain(string name) =>
        Assert.Equal($"Job '{name}': the name must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit.", Assert.Single(Errors(_ => { }, name)));

    [Fact]
    public void Table_and_key_must_be_named()
    {
        Assert.Equal("Job 'job': table must name a table, got an empty text.", Assert.Single(Errors(_ => { }, table: " ")));
        Assert.Equal("Job 'job': key must name the column or columns that identify a record, got an empty one.", Assert.Single(Errors(_ => { }, key: ["a", " "])));
        Assert.Equal("Job 'job': key must name different columns, got a, a.", Assert.Single(Errors(_ => { }, key: ["a", "a"])));
    }

    [Fact]
    public void A_job_without_code_is_reported()
    {
        var builder = new PampaBuilder();
        builder.AddJob("job", "numbers", "value", _ => { });
        var errors = new List<string>();
        Assert.Empty(builder.Build(errors));
        Assert.Equal("Job 'job': no code: call Process.", Assert.Single(errors));
    }

    [Fact]
    public void Everything_that_is_wrong_is_reported_at_once()
    {
        var errors = Errors(job =>
        {
            job.QueueSize = 0;
            job.MaxAttempts = 1_001;
            job.WorkerFilter = "(";
        });
        Assert.Equal(3, errors.Count);
    }

    [Fact]
    public void The_clusters_settings_are_checked()
    {
        var builder = new PampaBuilder
        {
            Cluster = "a b",
            Workers = 0,
            PollInterval = TimeSpan.Zero,
            WorkerLease = TimeSpan.FromSeconds(1),
            LeaderLease = TimeSpan.FromHours(2),
            ShutdownTimeout = TimeSpan.FromSeconds(-1),
        };
        var errors = new List<string>();
        builder.Build(errors);
        Assert.Equal(
            [
                "Cluster must be 1 to 64 letters, digits, '.', '_' or '-', and begin with a letter or digit, got 'a b'.",
                "Workers must be between 1 and 1,000, got 0.",
                "ShutdownTimeout must be between 00:00:00 and 1.00:00:00, got -00:00:01.",
                "PollInterval must be between 00:00:00.0100000 and 01:00:00, got 00:00:00.",
                "WorkerLease must be between 00:00:03 and 01:00:00, got 00:00:01.",
                "LeaderLease must be between 00:00:03 and 01:00:00, got 02:00:00.",
                "There is no job: call AddJob.",
            ],
            errors);
        builder = new PampaBuilder();
        for (var i = 0; i < 2; i++) builder.AddJob("job", "numbers", "value", job => job.Process(_ => { }));
        errors.Clear();
        builder.Build(errors);
        Assert.Equal("Job 'job' is added 2 times; names must differ.", Assert.Single(errors));
    }
}
