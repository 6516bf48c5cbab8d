#:sdk Microsoft.NET.Sdk.Web
#:project ../../../src/Pampa.Dashboard/Pampa.Dashboard.csproj
using Pampa;

// Either the verbs, of which the package has brought one, or an application that serves the dashboard below a path.
if (args is not ["application", var database]) return await PampaApp.RunAsync(args, Configure);

var builder = WebApplication.CreateSlimBuilder();
builder.WebHost.UseUrls("http://127.0.0.1:0");
// Nobody reads on: a log of each request would fill the pipe, and then stand still.
builder.Logging.ClearProviders();
builder.Services.AddPampa(pampa =>
{
    Configure(pampa);
    pampa.Database = database;
});
var app = builder.Build();
app.MapPampaDashboard("/pampa");
await app.StartAsync();
Console.WriteLine($"Dashboard: {app.Urls.First()}/pampa/");
await app.WaitForShutdownAsync();
return 0;

static void Configure(PampaBuilder pampa)
{
    pampa.Setup("CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY)", "INSERT INTO orders VALUES (1), (2) ON CONFLICT DO NOTHING");
    pampa.AddJob("price_orders", "orders", "id", job =>
    {
        job.MaxAttempts = 1;
        job.Process(task =>
        {
            if (task.Get<long>("id") == 2) throw new InvalidOperationException("there is no price");
        });
    });
}
