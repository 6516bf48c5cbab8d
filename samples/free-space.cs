#:project ../src/Pampa/Pampa.csproj
using Microsoft.Extensions.Logging;
using Pampa;

var options = new StandAloneOptions { Name = "free-space", Delay = TimeSpan.FromMinutes(1) };

return await PampaApp.RunStandAloneAsync(args, options, (run, stopping) =>
{
    using var step = run.Log.Step("looking at the disks");
    var disks = DriveInfo.GetDrives().Where(d => d is { IsReady: true, TotalSize: > 0 }).ToList();
    foreach (var disk in disks)
    {
        stopping.ThrowIfCancellationRequested();
        var free = 100 * disk.AvailableFreeSpace / disk.TotalSize;
        if (free < 5) run.Log.LogWarning("{Disk} has only {Free} % left", disk.Name, free);
    }
    step.Done($"{disks.Count} of them");
});
