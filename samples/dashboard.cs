#:project ../src/Pampa.Dashboard/Pampa.Dashboard.csproj
using Pampa;

return await PampaDashboardApp.RunAsync(args);
