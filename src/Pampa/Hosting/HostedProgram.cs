using Microsoft.Extensions.Configuration;

namespace Pampa.Hosting;

/// <summary>What one call of AddPampa says.</summary>
internal sealed record ProgramPart(Action<IServiceProvider, PampaBuilder> Configure);

/// <summary>
/// The program that all calls of AddPampa and the configuration describe together, made when it is first asked for; what
/// is wrong is kept for the start.
/// </summary>
internal sealed class HostedProgram(IServiceProvider services, IEnumerable<ProgramPart> parts, IConfiguration configuration)
{
    private readonly Lazy<(PampaBuilder Program, List<string> Errors)> made = new(() => Make(services, parts, configuration));

    public PampaBuilder Program => made.Value.Program;

    public IReadOnlyList<string> Errors => made.Value.Errors;

    /// <summary>Comes when the application has started.</summary>
    public ClusterAccess Access { get; } = new();

    /// <summary>How it is.</summary>
    public ProcessHealth Health { get; } = new();

    /// <summary>The database's address as the configuration or, where it says nothing, the program names it.</summary>
    public string? Setting(string variable) => configuration[variable.Replace("__", ":", StringComparison.Ordinal)];

    private static (PampaBuilder, List<string>) Make(IServiceProvider services, IEnumerable<ProgramPart> parts, IConfiguration configuration)
    {
        var program = new PampaBuilder(services);
        var errors = new List<string>();
        foreach (var part in parts)
        {
            try
            {
                part.Configure(services, program);
            }
            catch (PampaConfigurationException e)
            {
                errors.AddRange(e.Errors);
            }
            catch (Exception e)
            {
                errors.Add($"The program's own configuration throws {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
            }
        }
        Settings.Apply(configuration, program, errors);
        return (program, errors);
    }
}
