using PublicApiGenerator;

namespace Pampa.Dashboard.Tests;

/// <summary>What users see of the package besides its pages.</summary>
public sealed class ApiTests
{
    [Fact]
    public void The_public_api_is_as_approved()
    {
        var file = Path.Combine(Fixtures.Browser.Root, "tests", "Pampa.Dashboard.Tests", "PublicApi.approved.txt");
        var options = new ApiGeneratorOptions { IncludeAssemblyAttributes = false };
        var api = typeof(PampaDashboard).Assembly.GeneratePublicApi(options).ReplaceLineEndings("\n").Trim() + "\n";
        if (Environment.GetEnvironmentVariable("PAMPA_APPROVE") == "1") File.WriteAllText(file, api);
        // If the change is meant, run the tests with PAMPA_APPROVE=1 and commit the file.
        Assert.Equal(File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "", api);
    }
}
