#:project ../../../src/Pampa/Pampa.csproj
using Pampa;

// Tasks that take a while each, so that there is always one at work when a node is stopped.
return await PampaApp.RunAsync(args, pampa =>
{
    pampa.Setup("CREATE TABLE IF NOT EXISTS loads (id bigint PRIMARY KEY, done_by text)");
    pampa.Workers = 4;
    pampa.AddJob("load", table: "loads", key: "id", job =>
    {
        job.Columns = TaskColumns.WithPrefix("load");
        job.QueueSize = 2;
        job.Process(async task =>
        {
            // Those below nought are long: whenever somebody looks one is at work.
            await Task.Delay(TimeSpan.FromMilliseconds(task.Get<long>("id") < 0 ? 2_000 : 25), TimeProvider.System, task.CancellationToken);
            task["done_by"] = task.Worker;
        });
    });
});
