using Pampa.Ssh.Tests.Servers;
using PublicApiGenerator;

namespace Pampa.Ssh.Tests;

/// <summary>What programs see of the package. A change of it is meant or it is a mistake.</summary>
public sealed class ApiTests
{
    [Fact]
    public void The_public_api_is_as_approved()
    {
        var file = Path.Combine(SshWorld.Root, "tests/Pampa.Ssh.Tests/PublicApi.approved.txt");
        var api = typeof(PampaSsh).Assembly.GeneratePublicApi(new ApiGeneratorOptions { IncludeAssemblyAttributes = false }).ReplaceLineEndings("\n").Trim() + "\n";
        if (Environment.GetEnvironmentVariable("PAMPA_APPROVE") == "1") File.WriteAllText(file, api);
        Assert.Equal(File.ReadAllText(file).ReplaceLineEndings("\n"), api);
    }
}
